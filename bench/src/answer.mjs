/**
 * Checks a server's answers before any of them is counted.
 */
import { request } from 'node:http';
import { connect } from 'node:net';
import { caseOf, PIPELINE_DEPTH } from './cases.mjs';

const BODY = 'Hello, World!';

/** Longest a server may take over a handful of requests, in milliseconds. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Far more than the answers looked at can have. */
const ANSWER_BYTES_MAX = 64 * 1024;

/**
 * The first answer in `text`, when it is the one every peer must give.
 *
 * @param {string} text
 * @returns {{ bytes: number } | { wrong: string, partial?: true }} the answer's length, head and body;
 *   `partial` when more bytes may make it right
 */
export function checkAnswer(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return { wrong: 'answered without a whole head', partial: true };
  const [status, ...lines] = text.slice(0, end).split('\r\n');
  if (!/^HTTP\/1\.1 200( |$)/.test(status)) return { wrong: `answered "${status}"` };
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  if (headers.get('content-length') !== String(BODY.length)) {
    return { wrong: `answered with Content-Length ${headers.get('content-length') ?? 'missing'}` };
  }
  if (!headers.has('date')) return { wrong: 'answered without a Date' };
  if (!headers.get('content-type')?.startsWith('text/plain')) {
    return { wrong: `answered with Content-Type ${headers.get('content-type') ?? 'missing'}` };
  }
  const bytes = end + 4 + BODY.length;
  const body = text.slice(end + 4, bytes);
  if (body !== BODY && BODY.startsWith(body)) {
    return { wrong: 'answered with half a body', partial: true };
  }
  if (body !== BODY) return { wrong: 'answered with another body' };
  return { bytes };
}

/**
 * How often the right answer stands in `text`, one after the other and nothing else.
 *
 * @param {string} text
 * @returns {{ answers: number, bytes: number } | { wrong: string, partial?: true }}
 */
export function checkAnswers(text) {
  let rest = text;
  let answers = 0;
  let bytes = 0;
  while (rest !== '') {
    const answer = checkAnswer(rest);
    if ('wrong' in answer) return answer;
    bytes = answer.bytes;
    rest = rest.slice(bytes);
    answers++;
  }
  return { answers, bytes };
}

/**
 * Sends a pipelined batch in three pieces, cut inside the blank line that ends a head and inside a header, and checks
 * every answer. No request line is cut: uWebSockets answers 505 to that, and wrk never does it.
 *
 * @param {number} port
 * @returns {Promise<number>} the bytes of one answer
 * @throws {Error} when the answers are not the right ones
 */
export async function verifyServer(port) {
  const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const batch = request.repeat(PIPELINE_DEPTH);
  const cuts = [0, request.length - 1, request.length + 20, batch.length];
  const pieces = cuts.slice(1).map((cut, index) => batch.slice(cuts[index], cut));
  const text = await exchange(port, pieces, (received) => {
    const seen = checkAnswers(received);
    return 'wrong' in seen ? !seen.partial : seen.answers >= PIPELINE_DEPTH;
  });
  const seen = checkAnswers(text);
  if ('wrong' in seen) throw new Error(seen.wrong);
  if (seen.answers !== PIPELINE_DEPTH) {
    throw new Error(`answered ${seen.answers} times to ${PIPELINE_DEPTH} requests`);
  }
  return seen.bytes;
}

function exchange(port, pieces, enough) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let text = '';
    let next;
    const finish = (error) => {
      clearTimeout(timer);
      clearTimeout(next);
      socket.destroy();
      if (error) reject(error);
      else resolve(text);
    };
    const timer = setTimeout(() => finish(), ANSWER_TIMEOUT_MS);
    socket.setEncoding('latin1');
    socket.on('connect', () => {
      const send = () => {
        socket.write(pieces.shift());
        if (pieces.length > 0) next = setTimeout(send, 20); // apart, so that they arrive apart
      };
      send();
    });
    socket.on('data', (received) => {
      text += received;
      if (enough(text) || text.length > ANSWER_BYTES_MAX) finish();
    });
    socket.on('close', () => finish());
    socket.on('error', finish);
  });
}

/**
 * Makes one request of a case, with the client of node:http.
 *
 * @param {number} port
 * @param {string} name of the case
 * @throws {Error} when the answer is not the right one
 */
export async function verifyCase(port, name) {
  const { method, path, bodyBytes, right } = caseOf(name);
  const body = bodyBytes > 0 ? Buffer.alloc(bodyBytes, 'x') : undefined;
  const { status, answer } = await ask(port, method, path, body);
  if (status !== 200) throw new Error(`answered ${status} to ${method} ${path}`);
  if (!right(answer)) throw new Error(`answered ${method} ${path} with another body`);
}

function ask(port, method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body ? { 'Content-Type': 'application/octet-stream' } : {};
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const options = { host: '127.0.0.1', port, method, path, headers, signal, agent: false };
    const call = request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode, answer: Buffer.concat(chunks) }),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
}
