/**
 * Connected pairs of TCP sockets over loopback, both ends in this process, made through the bearer.
 */
import {
  Accept,
  AddressFamily,
  Close,
  Connect,
  Socket,
  SocketType,
} from '@ringbearer/io-uring-opcode';

/**
 * @param {import('@ringbearer/io-uring-bearer').UringBearer} bearer
 * @param {number} count
 * @returns {Promise<{ client: import('@ringbearer/io-uring-fd').Descriptor, server: import('@ringbearer/io-uring-fd').Descriptor }[]>}
 */
export async function connectPairs(bearer, count) {
  const listener = bearer.listen({ port: 0 });
  const pairs = [];
  for (let index = 0; index < count; index++) {
    const client = await bearer.submit(
      new Socket({ family: AddressFamily.INET, type: SocketType.STREAM }),
    );
    const [accepted] = await Promise.all([
      bearer.submit(new Accept({ listener: listener.descriptor, peer: false })),
      bearer.submit(new Connect({ socket: client, address: listener.address })),
    ]);
    pairs.push({ client, server: accepted.descriptor });
  }
  await listener.close();
  return pairs;
}

/** Closes the sockets. What still receives on them ends with the bearer. */
export async function closePairs(bearer, pairs) {
  for (const { client, server } of pairs) {
    for (const descriptor of [client, server]) await bearer.submit(new Close({ descriptor }));
  }
}

/** The message of pair `index`. */
export function message(index, bytes) {
  return Uint8Array.from({ length: bytes }, (_, at) => index + at);
}

/** Sum of the bytes of all messages, to see that they came back whole. */
export function sumOfMessages(messages) {
  let sum = 0;
  for (const bytes of messages) for (const byte of bytes) sum += byte;
  return sum;
}
