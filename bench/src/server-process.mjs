/**
 * One server under test: started pinned to a core, found by the port it prints, ended with the bench.
 */
import { spawn } from 'node:child_process';
import { pinnedCommand } from './machine.mjs';

/** Longest a server may take to print its port, in milliseconds. */
const START_TIMEOUT_MS = 20_000;

/** How long a server may take to end when asked, in milliseconds; then it is killed. */
const STOP_TIMEOUT_MS = 2_000;

/** What is kept of a server's output, to say why it failed. */
const OUTPUT_CHARACTERS_MAX = 4_096;

/** Servers of this run that have not ended, so that no way out of the bench leaves one behind. */
const alive = new Set();

export class ServerProcess {
  #child;
  #output = '';
  #stopping = false;
  #ended;
  port = 0;

  constructor(child) {
    this.#child = child;
    alive.add(child);
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#keep(error.message);
        alive.delete(child);
        resolve(undefined);
      });
      child.once('exit', () => {
        alive.delete(child);
        resolve(undefined);
      });
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => this.#keep(text));
    }
  }

  /**
   * Starts a server and waits for its `listening PORT` line.
   *
   * @param {readonly string[]} command
   * @param {number} core
   * @returns {Promise<ServerProcess>}
   * @throws {Error} when it ends first, or stays silent too long
   */
  static async start(command, core) {
    const [file, ...args] = pinnedCommand(core, command);
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: 'production', NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' },
    });
    const server = new ServerProcess(child);
    try {
      await server.#untilListening();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get pid() {
    return this.#child.pid;
  }

  /** Why the server is no longer there; undefined while it runs. */
  get failure() {
    if (alive.has(this.#child) || this.#stopping) return undefined;
    const { exitCode, signalCode } = this.#child;
    const how = signalCode ? `was killed by ${signalCode}` : `ended with code ${exitCode}`;
    return [how, lastWords(this.#output)].filter(Boolean).join(': ');
  }

  async stop() {
    this.#stopping = true;
    if (!alive.has(this.#child)) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #keep(text) {
    this.#output = (this.#output + text).slice(-OUTPUT_CHARACTERS_MAX);
  }

  async #untilListening() {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadline) {
      const line = /^listening (\d+)\r?\n/m.exec(this.#output);
      if (line) {
        this.port = Number(line[1]);
        return;
      }
      await Promise.race([this.#ended, new Promise((resolve) => setTimeout(resolve, 20))]);
      if (this.failure) throw new Error(this.failure);
    }
    throw new Error(`did not print "listening PORT" within ${START_TIMEOUT_MS / 1000} s`);
  }
}

/** Ends every server at once, without waiting: for the way out. */
export function killServers() {
  for (const child of alive) child.kill('SIGKILL');
}

/** The line of a server's output that says most: the error it printed, else its last line. */
function lastWords(output) {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => /error|cannot|fail/i.test(line)) ?? lines.at(-1) ?? '').trim();
}
