import { describe, expect, test } from 'vitest';
import { FastResponse } from './fast-response.js';

const Fast = FastResponse as unknown as typeof Response;

/** What somebody learns of a response, or how it was refused. */
async function told(make: () => unknown): Promise<unknown> {
  try {
    const made = await make();
    if (!(made instanceof Response)) return made;
    const { status, statusText, headers } = made;
    return {
      status,
      statusText,
      headers: [...headers],
      hasBody: made.body !== null,
      text: await made.text(),
    };
  } catch (error) {
    return (error as Error).name;
  }
}

/** A stream of two chunks. */
function streamOf(...texts: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const text of texts) controller.enqueue(Buffer.from(text));
      controller.close();
    },
  });
}

describe('FastResponse is what the Response of Node is:', () => {
  const cases: Record<string, (R: typeof Response) => unknown> = {
    'a redirect to what the parser completes': (R) => R.redirect('https://a.example', 302),
    'a redirect to what has to be encoded': (R) => R.redirect('https://a.example/日本 x?q=é', 302),
    'a redirect by a URL': (R) => R.redirect(new URL('https://a.example/é'), 302),
    'a redirect by a status in digits': (R) => R.redirect('https://a.example/', '301' as never),
    'a redirect to nowhere': (R) => R.redirect(undefined as never, 302),
    'a field that ends in white space of another alphabet': (R) =>
      new R('x', { headers: { a: ' x\u00a0\t' } }),
    'text with a byte order mark': (R) => new R('\ufeffx'),
    'JSON with a byte order mark': (R) => new R('\ufeff{"a":1}').json(),
    'a clone without a type': (R) => {
      const response = new R('x');
      response.headers.delete('content-type');
      return response.clone();
    },
    'a clone with its own fields': (R) => {
      const clone = new R('x', { status: 201, headers: { a: 'b' } }).clone();
      clone.headers.set('a', 'c');
      return clone;
    },
    'the body after it was read': async (R) => {
      const response = new R('x');
      await response.text();
      const { body } = response;
      const again = await response.text().catch((error: Error) => error.name);
      return [body instanceof ReadableStream, response.bodyUsed, again];
    },
    'a body that is read from its stream': async (R) => {
      const response = new R('x');
      const reader = response.body!.getReader();
      const first = await reader.read();
      return [Buffer.from(first.value!).toString(), response.bodyUsed];
    },
    'a stream': (R) => new R(streamOf('a', 'b')),
    'a stream with status and fields': (R) =>
      new R(streamOf('a'), {
        status: 201,
        statusText: 'Made',
        headers: { a: 'b', 'content-type': 'x/y' },
      }),
    'a stream as JSON': (R) => new R(streamOf('{"a":', '1}')).json(),
    'a stream as bytes': async (R) => [
      ...new Uint8Array(await new R(streamOf('a', 'b')).arrayBuffer()),
    ],
    'a stream as a blob': async (R) => {
      const blob = await new R(streamOf('ab'), { headers: { 'content-type': 'x/y' } }).blob();
      return [blob.type, await blob.text()];
    },
    'the body of a stream is that stream, however often': (R) => {
      const stream = streamOf('a');
      const response = new R(stream);
      const first = response.body;
      return [first === stream, first === response.body, response.bodyUsed];
    },
    'a stream that is read elsewhere is used': async (R) => {
      const stream = streamOf('a', 'b');
      const response = new R(stream);
      const before = response.bodyUsed;
      await stream.getReader().read();
      return [before, response.bodyUsed, await response.text().catch((error: Error) => error.name)];
    },
    'a stream that was read as text': async (R) => {
      const response = new R(streamOf('a'));
      const text = await response.text();
      return [text, response.bodyUsed, await response.text().catch((error: Error) => error.name)];
    },
    'a clone of a stream': async (R) => {
      const response = new R(streamOf('a', 'b'), { headers: { a: 'b' } });
      const clone = response.clone();
      clone.headers.set('a', 'c');
      return [await response.text(), await clone.text(), response.headers.get('a')];
    },
    'a locked stream': (R) => {
      const stream = streamOf('a');
      stream.getReader();
      return new R(stream);
    },
    'a stream that was begun': async (R) => {
      const stream = streamOf('a', 'b');
      const reader = stream.getReader();
      await reader.read();
      reader.releaseLock();
      return new R(stream);
    },
    'a stream with a status that has none': (R) => new R(streamOf('a'), { status: 204 }),
    'fields changed before a stream is read': async (R) => {
      const response = new R(streamOf('a'));
      response.headers.set('a', 'b');
      return [await response.text(), [...response.headers]];
    },
  };

  for (const [name, make] of Object.entries(cases)) {
    test(name, async () => {
      expect(await told(() => make(Fast))).toEqual(await told(() => make(Response)));
    });
  }
});

test('a redirect may be relative, and is encoded', () => {
  const location = (url: string) => FastResponse.redirect(url).headers.get('location');
  expect(location('/a/../b?c#d')).toBe('/a/../b?c#d');
  expect(location('/日 x\ud800%41')).toBe('/%E6%97%A5%20x%EF%BF%BD%41');
  for (const url of ['/a\r\nX: y', 'https://a.example/\r\nX: y', 'a\nb:c']) {
    expect(() => location(url)).toThrow(/Location/);
  }
});

test('nobody gets hold of memory that small bodies share', async () => {
  const make = () => new FastResponse(new Uint8Array([1, 2, 3]));
  const gotten: ArrayBufferLike[] = [
    await make().arrayBuffer(),
    (await make().bytes()).buffer,
    await make().clone().arrayBuffer(),
    (await make().body!.getReader().read()).value!.buffer,
    await (await make().blob()).arrayBuffer(),
  ];
  for (const buffer of gotten) expect(buffer.byteLength).toBe(3);
  const statics = Object.getOwnPropertyNames(FastResponse);
  expect(statics.sort()).toEqual(['error', 'json', 'length', 'name', 'prototype', 'redirect']);
});
