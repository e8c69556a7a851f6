// Reads one JSON {source, leads} per line, answers with one JSON list of [score, tier] per line, or with the error.
const readline = require("node:readline");

const NOT_IN_JSON = { "number:NaN": NaN, "number:Infinity": Infinity, "number:-Infinity": -Infinity };
const revive = (_, value) => (value in NOT_IN_JSON ? NOT_IN_JSON[value] : value);

let known = { source: null };
const compile = (source) => {
  if (known.source !== source) {
    known = { source, functions: new Function(`"use strict"; ${source}; return [calculateIcpScore, assignTier];`)() };
  }
  return known.functions;
};

const answer = (line) => {
  try {
    const { source, leads } = JSON.parse(line, revive);
    const [calculateIcpScore, assignTier] = compile(source);
    return leads.map((lead) => {
      const score = calculateIcpScore(lead);
      return [score, assignTier(score)];
    });
  } catch (error) {
    return { error: String(error) };
  }
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(JSON.stringify(answer(line)) + "\n");
});
