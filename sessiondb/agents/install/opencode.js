// Made by `sessiondb install opencode`; `sessiondb uninstall opencode` removes it.
// The first prompt of a session gets what is known of its project; when a turn ends, the session is imported.
import { spawn } from "node:child_process"

const COMMAND = @COMMAND@
const TIMEOUT = 10_000

// Call the hook, and return what it prints: "" where it fails or takes too long. It never throws. Where nobody waits for
// its answer it outlives OpenCode, which may end with the turn (`opencode run`).
const call = (event, given, waits) =>
  new Promise((resolve) => {
    try {
      const [program, agent, name, ...rest] = COMMAND
      const stdio = ["pipe", waits ? "pipe" : "ignore", "ignore"]
      const limits = waits ? { timeout: TIMEOUT } : { detached: true }
      const child = spawn(program, [agent, name, event, ...rest], { stdio, ...limits })
      let printed = ""
      child.stdout?.setEncoding("utf8").on("data", (text) => (printed += text))
      child.on("error", () => resolve(""))
      child.on("close", (code) => resolve(code === 0 ? printed.trim() : ""))
      child.stdin.on("error", () => {})
      child.stdin.end(JSON.stringify({ hook_event_name: event, ...given }))
      if (!waits) child.unref()
    } catch {
      resolve("")
    }
  })

// Ids of parts sort by time: 12 hex digits, then 14 letters or digits. Ours comes after those of the prompt.
const partId = () => {
  const time = (BigInt(Date.now()) * 4096n + 4095n).toString(16).slice(-12).padStart(12, "0")
  const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
  return "prt_" + time + Array.from({ length: 14 }, () => letters[Math.floor(Math.random() * 62)]).join("")
}

export const SessionDB = async ({ directory }) => {
  const told = new Set()
  const compacted = new Set()
  const children = new Set()
  let running = false
  let again = null

  const importLater = async (given) => {
    if (running) return void (again = given)
    running = true
    for (let next = given; next; next = again, again = null) await call("session.idle", next, false)
    running = false
  }

  return {
    event: async ({ event }) => {
      const { info, sessionID } = event.properties ?? {}
      if (event.type === "session.created" && info?.parentID) children.add(info.id)
      if (event.type === "session.compacted") told.delete(sessionID), compacted.add(sessionID)
      if (event.type === "session.idle") importLater({ session_id: sessionID, cwd: directory })
    },
    "chat.message": async ({ sessionID }, output) => {
      if (told.has(sessionID) || children.has(sessionID)) return
      told.add(sessionID)
      const source = compacted.delete(sessionID) ? "compact" : "startup"
      const text = await call("session.created", { session_id: sessionID, cwd: directory, source }, true)
      if (text)
        output.parts.push({ id: partId(), sessionID, messageID: output.message.id, type: "text", text, synthetic: true })
    },
  }
}
