// The examples of the documentation, as programs: taken out of typedoc comments and pages, run in a process of their own.
// test/examples.test.ts runs them all.

import { spawn } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { lineAt, readSource } from './source-text.mjs';

/** A program that runs longer is stuck. */
export const EXAMPLE_MS_MAX = 20_000;

/** A program that printed something and then stays silent this long may be a server: it is asked. */
const QUIET_MS = 800;

/** A fence of code, with what stands after the backticks: `ts`, or `ts no-run`. */
const FENCE = /^```(\w+)([^\n]*)\n([\s\S]*?)^```/gm;

const CODE_LANGUAGES = new Set(['ts', 'typescript', 'js', 'javascript']);

/**
 * @typedef {{ name: string, code: string, runs: boolean }} Example `name` is `file:line`; `runs` is false when the fence says
 *   `no-run`
 */

function* fences(text) {
  for (const match of text.matchAll(FENCE)) {
    const [, language, info, code] = match;
    if (!CODE_LANGUAGES.has(language)) continue;
    yield { code, runs: !/\bno-run\b/.test(info), offset: match.index };
  }
}

/** The code after each `@example` tag of a source's doc comments. */
export function examplesOfSource(file, text) {
  const examples = [];
  const { comments } = readSource(text);
  for (const match of comments.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const doc = match[0].replace(/^[ \t]*\*(?!\/) ?/gm, '');
    for (const tag of doc.matchAll(/^@example\b[\s\S]*?(?=^@\w|(?![\s\S]))/gm)) {
      for (const { code, runs, offset } of fences(tag[0])) {
        const before = doc.slice(0, tag.index + offset).split('\n').length - 1;
        examples.push({ name: `${file}:${lineAt(text, match.index) + before}`, code, runs });
      }
    }
  }
  return examples;
}

/** Every block of code of a Markdown page. */
export function examplesOfPage(file, text) {
  return [...fences(text)].map(({ code, runs, offset }) => ({
    name: `${file}:${lineAt(text, offset)}`,
    code,
    runs,
  }));
}

/** Examples of a server say `port: 3000` for people; two at once need ports of their own. */
export function withFreePort(code) {
  const port = /\bport: (\d{4,5})\b/.exec(code)?.[1];
  if (port === undefined || code.split(port).length !== 2) return code;
  return code.replace(`port: ${port}`, 'port: 0');
}

/** The port a server printed: `http://localhost:8080`, `{ port: 8080 }`. */
export function printedPort(output) {
  const match = /\bport['"]?[:=\s]+(\d{2,5})\b|:\/\/[^\s/]*:(\d{2,5})\b/i.exec(output);
  return match === null ? null : Number(match[1] ?? match[2]);
}

/** Asks a server for `/`. Resolves with what it said, or null when nobody listens. */
function ask(port) {
  return new Promise((resolve) => {
    const request = http.get(
      { host: '127.0.0.1', port, agent: false, timeout: 3000 },
      (response) => {
        response.resume().on('end', () => resolve(`answered ${response.statusCode}`));
      },
    );
    request.on('timeout', () => request.destroy());
    request.on('error', () => {
      const socket = net.connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve('listens');
      });
      socket.on('error', () => resolve(null));
    });
  });
}

/**
 * Runs a program to its end; a server is asked for one answer and then told to stop.
 *
 * @param {string} file the program
 * @param {{ cwd?: string, env?: Record<string, string>, msMax?: number }} options
 * @returns {Promise<{ ok: boolean, how: string, output: string, ms: number }>}
 */
export function runExample(file, { cwd, env, msMax = EXAMPLE_MS_MAX } = {}) {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(process.execPath, [file], {
      cwd,
      env: { ...process.env, PORT: '0', ...env },
    });
    let output = '';
    let served = null;
    let late = false;
    let quiet;
    const limit = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, msMax);
    const visit = async () => {
      const port = printedPort(output);
      if (port === null || served !== null) return;
      served = await ask(port);
      if (served !== null) child.kill('SIGTERM');
    };
    const listen = (chunk) => {
      output += chunk;
      clearTimeout(quiet);
      quiet = setTimeout(visit, QUIET_MS);
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      clearTimeout(quiet);
      const ended = code === 0 || (served !== null && signal === 'SIGTERM');
      resolve({
        ok: ended && output.trim() !== '',
        how: outcome({ code, signal, served, late, output, msMax }),
        output,
        ms: performance.now() - started,
      });
    });
  });
}

function outcome({ code, signal, served, late, output, msMax }) {
  if (late) return `did not end within ${msMax} ms`;
  if (served !== null) return served;
  if (code !== 0) return signal === null ? `exited ${code}` : `ended by ${signal}`;
  return output.trim() === '' ? 'printed nothing' : 'ran';
}
