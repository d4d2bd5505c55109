// What llama.cpp predicts behind each token of some texts.
//
//   node next-tokens.mjs FOLDER MODEL.gguf F32|F16 TEXTS.json OUT.json
//
// FOLDER is where `npm install node-llama-cpp` was run, F32 or F16 how keys and values are kept, and TEXTS.json
// [{"text": "...", "ids": [...]}, ...]. OUT.json gets, for each text, the tokens that llama.cpp makes of it, the most
// likely token behind each id but the last, and the sum of the negative logarithms of the probabilities of ids 1 and
// following.
import fs from "fs";
import path from "path";
import {pathToFileURL} from "url";

const [folder, file, kept, texts, out] = process.argv.slice(2);
const module = path.join(path.resolve(folder), "node_modules/node-llama-cpp/dist/index.js");
const {getLlama} = await import(pathToFileURL(module).href);
const llama = await getLlama({gpu: false, build: "never", logLevel: "error", maxThreads: 2});
const model = await llama.loadModel({modelPath: file});
const results = [];
for (const {text, ids} of JSON.parse(fs.readFileSync(texts, "utf8"))) {
  const context = await model.createContext({
    contextSize: 256, batchSize: 256, threads: 2, flashAttention: false,
    experimentalKvCacheKeyType: kept, experimentalKvCacheValueType: kept});
  const last = ids.length - 1;
  const steps = await context.getSequence().controlledEvaluate(
    ids.map((id, i) => i < last ? [id, {generateNext: {logits: true}}] : id));
  const next = [];
  let nll = 0;
  for (let i = 0; i < last; i++) {
    const logits = steps[i].next.logits;
    let best = -1;
    let most = -Infinity;
    for (const [token, logit] of logits) {
      if (logit > most) {
        most = logit;
        best = token;
      }
    }
    let sum = 0;
    for (const logit of logits.values()) {
      sum += Math.exp(logit - most);
    }
    nll += most + Math.log(sum) - logits.get(ids[i + 1]);
    next.push(best);
  }
  results.push({tokens: [...model.tokenize(text)], next, nll});
  await context.dispose();
}
fs.writeFileSync(out, JSON.stringify({texts: results}));
process.exit(0);
