import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** The program behind `npm start`. */
export const DEMO = path.join(ROOT, 'packages/http-server/dist/demo/main.js');

/** Long enough for a busy machine, and for strace. */
const START_MS_MAX = 15_000;
const END_MS_MAX = 15_000;

export interface DemoStats {
  readonly requests: number;
  readonly connections: number;
  readonly ring: {
    readonly submitted: number;
    readonly completed: number;
    readonly enters: number;
  };
}

/** The demo site in a process of its own. */
export class Demo {
  readonly process: ChildProcess;
  readonly port: number;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #output: () => string;

  private constructor(
    process: ChildProcess,
    port: number,
    ended: Demo['ended'],
    output: () => string,
  ) {
    this.process = process;
    this.port = port;
    this.ended = ended;
    this.#output = output;
  }

  /**
   * Starts it on a free port.
   *
   * @param under a command in front of node, such as strace and its arguments
   */
  static start(under: readonly string[] = [], env: Record<string, string> = {}): Promise<Demo> {
    if (!existsSync(DEMO)) throw new Error('the demo is not built: run "npm run build"');
    const [command = process.execPath, ...args] = [...under, process.execPath, DEMO];
    const child = spawn(command, args, {
      env: { ...process.env, PORT: '0', HOST: '127.0.0.1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const ended: Demo['ended'] = new Promise((resolve) => {
      child.on('close', (code, signal) => resolve({ code, signal }));
    });
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`the demo did not start:\n${output}`));
      }, START_MS_MAX);
      const listen = (chunk: string) => {
        output += chunk;
        const port = /http:\/\/127\.0\.0\.1:(\d+)\/\n/.exec(output)?.[1];
        if (port === undefined) return;
        clearTimeout(late);
        resolve(new Demo(child, Number(port), ended, () => output));
      };
      child.stdout.setEncoding('utf8').on('data', listen);
      child.stderr.setEncoding('utf8').on('data', listen);
      child.on('error', reject);
      ended.then(({ code }) => {
        clearTimeout(late);
        reject(new Error(`the demo ended with ${code}:\n${output}`));
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  get output(): string {
    return this.#output();
  }

  async stats(): Promise<DemoStats> {
    const response = await fetch(`${this.url}/stats`, { headers: { connection: 'close' } });
    return (await response.json()) as DemoStats;
  }

  /** Sends SIGTERM and waits for the end. */
  async stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.process.kill('SIGTERM');
    const late = setTimeout(() => this.process.kill('SIGKILL'), END_MS_MAX);
    const outcome = await this.ended;
    clearTimeout(late);
    return outcome;
  }
}
