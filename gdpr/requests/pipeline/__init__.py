"""The way of a subject request: open → verify → locate → approve → execute → report.

    open       a request comes in by any channel; the clock starts; an objection stops everything at once
    verify     who asks, at the level the kind needs
    locate     every registered store is asked; officers decide about records that may be another's
    approve    the frozen plan is approved by a second person, bound to its hash
    execute    one resumable step per store, record and action, read back
    report     the package or the certificate, and the answer to the person

`refresh_status` alone decides, after each step and each decision, which status follows. `step_handlers` says what each
step does, `step_outcomes` how one can end.
"""
