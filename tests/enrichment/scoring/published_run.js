// Reads one JSON list of leads per line, answers with one JSON list of [score, tier] per line.
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const vm = require("node:vm");

vm.runInThisContext(fs.readFileSync(path.join(__dirname, "published.js"), "utf8"));

const NOT_IN_JSON = { "number:NaN": NaN, "number:Infinity": Infinity };
const revive = (_, value) => (value in NOT_IN_JSON ? NOT_IN_JSON[value] : value);

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const scored = JSON.parse(line, revive).map((lead) => {
    const score = calculateIcpScore(lead);
    return [score, assignTier(score)];
  });
  process.stdout.write(JSON.stringify(scored) + "\n");
});
