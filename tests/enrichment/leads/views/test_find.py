"""The palette's search, by persona."""

from django.test import Client

from tests.factories import LeadFactory


def test_leads_are_found_by_the_beginnings_of_their_words(sales_client: Client) -> None:
    LeadFactory(first_name="Zofia", last_name="Kowalska", company_name="Acme Inc")
    LeadFactory(first_name="Other")
    [found] = sales_client.post("/find/", {"q": "zof acme"}).json()["leads"]
    assert (found["label"], found["note"]) == ("Zofia Kowalska", "Acme Inc")
    assert sales_client.post("/find/", {"q": "  "}).json() == {"leads": []}


def test_names_are_for_those_who_see_personal_data(
    compliance_client: Client, admin_client: Client, nobody_client: Client
) -> None:
    assert compliance_client.post("/find/", {"q": "ada"}).status_code == 200
    assert admin_client.post("/find/", {"q": "ada"}).status_code == 403
    assert nobody_client.post("/find/", {"q": "ada"}).status_code == 403
    assert Client().post("/find/", {"q": "ada"}).status_code == 302


def test_a_name_is_never_part_of_an_address(sales_client: Client) -> None:
    assert sales_client.get("/find/?q=ada").status_code == 405
