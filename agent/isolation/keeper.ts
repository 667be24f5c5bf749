/**
 * The main thread of a process of collectors. It holds a Worker for each of the agent's cells and
 * carries messages between them and the agent: which cell a message is from is said here, so no
 * script can speak for a Worker that is not its own. It decides nothing and keeps no deadlines; the
 * agent does, and ends the process when it has to.
 *
 * A Worker that sends without end would fill this process's memory and the agent's time, so there is
 * a limit; whoever passes it is reported as broken.
 */
import { startWorker } from "../sandbox_port.ts";
import { MESSAGE_CHARS_MAX } from "../sandbox_protocol.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import type { FromKeeper, ToKeeper, Walls } from "./messages.ts";
import { memoryLid } from "./memory_lid.ts";
import { takeStdio } from "./stdio.ts";

/** Messages of one Worker in a second; a script that asks `host` without pause makes some 3,000. */
const MESSAGES_MAX = 10_000;

interface HeldWorker {
  worker: Worker;
  /** It has said something. */
  started: boolean;
  window_ms: number;
  messages: number;
}

/** Serves the agent on standard input and output until that ends. */
export async function holdScripts(options: { walls: Walls; lid_bytes?: number }): Promise<void> {
  const channel = takeStdio();
  const lid = memoryLid(options.lid_bytes);
  const held = new Map<number, HeldWorker>();
  const send = (message: FromKeeper) => channel.write(encodeFrame(message));

  const close = (cell: number) => {
    held.get(cell)?.worker.terminate();
    held.delete(cell);
  };
  const isBroken = (cell: number, why: string) => {
    if (!held.delete(cell)) return;
    send({ type: "broken", cell, message: why.slice(0, MESSAGE_CHARS_MAX) });
  };
  const open = ({ cell, name, permissions }: Extract<ToKeeper, { type: "open" }>) => {
    lid.lift();
    const worker = startWorker({ name, permissions });
    held.set(cell, { worker, started: false, window_ms: 0, messages: 0 });
    worker.onmessage = (event: MessageEvent<unknown>) => {
      const state = held.get(cell);
      if (state === undefined) return;
      if (!state.started) {
        state.started = true;
        if ([...held.values()].every(({ started }) => started)) lid.close();
      }
      if (isFlood(state, performance.now())) return isBroken(cell, "sent messages without end");
      try {
        send({ type: "said", cell, message: event.data });
      } catch (error) {
        isBroken(cell, `sent what cannot be passed on: ${error}`);
      }
    };
    worker.onmessageerror = () => isBroken(cell, "sent what cannot be read");
    worker.onerror = (event) => {
      event.preventDefault();
      isBroken(cell, `the Worker failed: ${event.message}`);
    };
  };

  send({ type: "ready", walls: options.walls });
  const reader = new FrameReader();
  for (let piece = await channel.read(); piece !== undefined; piece = await channel.read()) {
    // from the agent, which is trusted
    for (const message of reader.push(piece) as ToKeeper[]) {
      if (message.type === "open") open(message);
      else if (message.type === "close") close(message.cell);
      else held.get(message.cell)?.worker.postMessage(message.message);
    }
  }
}

function isFlood(state: HeldWorker, now_ms: number): boolean {
  if (now_ms - state.window_ms > 1_000) {
    state.window_ms = now_ms;
    state.messages = 0;
  }
  return ++state.messages > MESSAGES_MAX;
}
