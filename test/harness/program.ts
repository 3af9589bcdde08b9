import { spawn } from 'node:child_process';

/** How a program ended and what it said. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program to its end, feeding it `input`; it is killed after `msMax`. */
export function run(
  command: string,
  args: readonly string[],
  {
    input,
    msMax = 20_000,
    env = process.env,
  }: { input?: Uint8Array; msMax?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
    const stdout: Buffer[] = [];
    let stderr = '';
    const late = setTimeout(() => child.kill('SIGKILL'), msMax);
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.stdin.on('error', () => {}); // it may end without reading all
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(late);
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr });
    });
    child.stdin.end(input);
  });
}
