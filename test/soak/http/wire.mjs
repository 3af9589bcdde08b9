// A client socket that the soak's clients drive byte by byte.

import net from 'node:net';

/** A connection: resolves when it is established, null when it was refused or reset meanwhile. */
export function open(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.setNoDelay(true);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(null));
    socket.on('error', () => {});
  });
}

/** Resolves when the connection is over, or after `ms`. */
export function over(socket, ms) {
  if (socket.destroyed || socket.readableEnded) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    socket.once('close', end);
    socket.once('end', end);
  });
}

/** Reads one response with Content-Length or chunks. Rejects when the connection ends, or nothing comes for `ms`. */
export function response(socket, ms = 20_000) {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const finish = (settle, value) => {
      clearTimeout(timer);
      socket.off('data', onData);
      socket.off('close', onEnd);
      socket.off('end', onEnd);
      settle(value);
    };
    const text = () => received.toString('latin1', 0, 60).replace(/\r\n/g, ' ');
    const timer = setTimeout(() => finish(reject, new Error(`no answer: "${text()}"`)), ms);
    const onEnd = () => finish(reject, new Error(`ended after "${text()}"`));
    const onData = (chunk) => {
      received = Buffer.concat([received, chunk]);
      const whole = take(received);
      if (whole !== null) finish(resolve, whole);
    };
    socket.on('data', onData);
    socket.once('close', onEnd);
    socket.once('end', onEnd);
  });
}

function take(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const head = bytes.toString('latin1', 0, end);
  const status = Number(head.slice(9, 12));
  const close = /^connection: close$/im.test(head);
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  let body;
  if (length !== undefined) {
    if (bytes.length < end + 4 + Number(length)) return null;
    body = bytes.subarray(end + 4, end + 4 + Number(length));
  } else {
    if (!bytes.subarray(-5).equals(LAST_CHUNK)) return null;
    body = unchunked(bytes.subarray(end + 4));
  }
  return { status, close, body };
}

function unchunked(bytes) {
  const parts = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n');
