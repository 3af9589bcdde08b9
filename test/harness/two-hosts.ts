import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

/** Addresses of RFC 2544, which are nobody's. */
const SERVER = '198.18.77.1';
const CLIENT = '198.18.77.2';
let made = 0;

/** A program of one of the hosts: it is told lines, and answers lines. */
export class HostProgram {
  readonly process: ChildProcess;
  readonly #lines: Interface;
  readonly #ended: Promise<never>;
  #stderr = '';

  constructor(process: ChildProcess) {
    this.process = process;
    this.#lines = createInterface({ input: process.stdout! });
    process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#ended = once(process, 'close').then(([code]) => {
      throw new Error(`The program ended with ${code}: ${this.#stderr}`);
    });
    this.#ended.catch(() => {}); // that it is ended is no surprise
  }

  /** The next line it says, after it was told one. */
  async ask(line?: string): Promise<string> {
    if (line !== undefined) this.process.stdin!.write(`${line}\n`);
    const [answer] = (await Promise.race([once(this.#lines, 'line'), this.#ended])) as [string];
    return answer;
  }

  /** What it says, taken for JSON. */
  async tell(line: string): Promise<Record<string, unknown>> {
    return JSON.parse(await this.ask(line)) as Record<string, unknown>;
  }
}

/** Two network namespaces with a cable between them: a route that leaves a host, on one machine. Needs root. */
export class TwoHosts {
  readonly address: string = SERVER;
  readonly #server: string;
  readonly #client: string;
  readonly #programs: HostProgram[] = [];

  private constructor(name: string) {
    this.#server = `${name}s`;
    this.#client = `${name}c`;
  }

  /** @throws what the machine says against it */
  static make(): TwoHosts {
    const hosts = new TwoHosts(`rb${process.pid}-${++made}`);
    try {
      hosts.#plug();
    } catch (error) {
      hosts.close();
      const said = (error as { stderr?: Buffer }).stderr?.toString().trim();
      throw new Error(said || (error as Error).message);
    }
    return hosts;
  }

  #plug(): void {
    ip('netns', 'add', this.#server);
    ip('netns', 'add', this.#client);
    const ends = ['peer', 'name', 'cable', 'netns', this.#client];
    ip('link', 'add', 'cable', 'netns', this.#server, 'type', 'veth', ...ends);
    for (const [host, address] of [
      [this.#server, SERVER],
      [this.#client, CLIENT],
    ] as const) {
      ip('-n', host, 'address', 'add', `${address}/24`, 'dev', 'cable');
      ip('-n', host, 'link', 'set', 'lo', 'up');
      ip('-n', host, 'link', 'set', 'cable', 'up');
    }
  }

  /** The client's end of the cable is pulled out, or put back. */
  pull(out: boolean): void {
    ip('-n', this.#client, 'link', 'set', 'cable', out ? 'down' : 'up');
  }

  /** Runs a program on one of the hosts. */
  start(host: 'server' | 'client', command: string, args: readonly string[]): HostProgram {
    const name = host === 'server' ? this.#server : this.#client;
    const child = spawn('ip', ['netns', 'exec', name, command, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.on('error', () => {}); // it may end without listening
    const program = new HostProgram(child);
    this.#programs.push(program);
    return program;
  }

  /** Ends the programs, and takes the hosts away. */
  close(): void {
    for (const { process } of this.#programs) process.kill('SIGKILL');
    for (const name of [this.#server, this.#client]) {
      try {
        ip('netns', 'delete', name);
      } catch {
        // not made
      }
    }
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
