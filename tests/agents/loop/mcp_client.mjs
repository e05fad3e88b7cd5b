// A client of MCP in another language: speaks JSON lines with a server over its stdin and stdout, and prints the answers.
// Usage: node mcp_client.mjs FOLDER PYTHON ARGUMENTS...
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const [folder, command, ...args] = process.argv.slice(2);
const server = spawn(command, args, { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
const waiting = new Map();
let last = 0;

createInterface({ input: server.stdout }).on("line", (line) => {
  const message = JSON.parse(line);
  waiting.get(message.id)?.(message.result ?? { error: message.error });
});

const send = (message) => server.stdin.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");

const ask = (method, params = {}) =>
  new Promise((resolve) => {
    waiting.set(++last, resolve);
    send({ id: last, method, params });
  });

const answers = {};
answers.initialize = await ask("initialize", {
  protocolVersion: "2025-06-18",
  capabilities: {},
  clientInfo: { name: "node", version: process.version },
});
send({ method: "notifications/initialized" });
answers.tools = await ask("tools/list");
answers.templates = await ask("resources/templates/list");
answers.resources = await ask("resources/list");
answers.found = await ask("tools/call", { name: "search", arguments: { query: "ferry" } });
answers.noted = await ask("tools/call", { name: "note", arguments: { kind: "win", text: "from node" } });
answers.session = await ask("resources/read", { uri: answers.resources.resources[0].uri });
answers.nosuch = await ask("resources/read", { uri: "session://nosuch" });
console.log(JSON.stringify(answers));
server.stdin.end();
