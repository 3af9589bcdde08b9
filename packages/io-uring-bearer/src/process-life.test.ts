import { describe, expect, test } from 'vitest';
import { reportOf, runProgram } from '../test-support/child.js';

describe.each(['embedded', 'owner'])('driver %s: a process', (driver) => {
  test('ends by itself with an idle bearer', async () => {
    expect(await reportOf(driver, `bearerWith(); report('end');`)).toEqual(['end']);
  });

  test('ends with BACKGROUND operations, and after unref()', async () => {
    const source = `
      const bearer = bearerWith();
      bearer.push(new op.Timeout({ milliseconds: 60_000 }), op.SubmissionFlags.BACKGROUND);
      const other = bearerWith();
      other.push(new op.Timeout({ milliseconds: 60_000 }));
      setTimeout(() => other.unref(), 20);`;
    expect(await reportOf(driver, source)).toEqual([]);
  });

  test('stays alive while an operation is in flight, also after ref()', async () => {
    const source = `
      const bearer = bearerWith();
      bearer.unref();
      const timeout = new op.Timeout({ milliseconds: 100 });
      timeout.handler = (cqe) => report(timeout.complete(cqe));
      bearer.push(timeout);
      bearer.ref();`;
    expect(await reportOf(driver, source)).toEqual(['elapsed']);
  });

  test('waits for a top-level await of an operation, and then ends', async () => {
    const source = `
      const bearer = bearerWith();
      report(await bearer.submit(new op.Timeout({ milliseconds: 50 })));
      for (let i = 0; i < 3; i++) {
        await bearer.submit(new op.Timeout({ milliseconds: 5 }));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      for await (const tick of bearer.stream(new op.Timeout({ milliseconds: 5, repeat: 2 }))) report(tick);`;
    expect(await reportOf(driver, source)).toEqual(['elapsed', 'elapsed', 'elapsed']);
  });

  test('waits for close(), with BACKGROUND operations in flight too', async () => {
    const source = `
      const bearer = bearerWith();
      bearer.push(new op.Timeout({ milliseconds: 60_000 }), op.SubmissionFlags.BACKGROUND);
      bearer.unref();
      await bearer.close();
      report('closed');`;
    expect(await reportOf(driver, source)).toEqual(['closed']);
  });

  test('exits at once with operations in flight', async () => {
    const source = `
      const bearer = bearerWith();
      const listener = bearer.listen({});
      bearer.push(new op.Accept({ listener: listener.descriptor }));
      bearer.push(new op.Timeout({ milliseconds: 60_000 }));
      bearer.push(new op.FutexWait({ word: bearer.buffers.futex(), expected: 0 }));
      bearer.flush();
      bearer.push(new op.Timeout({ milliseconds: 60_000 }));
      process.exit(3);`;
    expect(await runProgram(driver, source)).toEqual({
      code: 3,
      signal: null,
      stdout: '',
      stderr: '',
    });
  });

  test('exits from inside of a handler, and right after close()', async () => {
    const inside = `
      const bearer = bearerWith();
      const nop = new op.Nop();
      nop.handler = () => process.exit(4);
      bearer.push(nop);
      bearer.push(new op.Timeout({ milliseconds: 60_000 }));`;
    expect((await runProgram(driver, inside)).code).toBe(4);
    const closing = `
      const bearer = bearerWith();
      await bearer.submit(new op.Nop());
      await bearer.close();
      process.exit(5);`;
    expect(await runProgram(driver, closing)).toEqual({
      code: 5,
      signal: null,
      stdout: '',
      stderr: '',
    });
  });

  test('does not spin while it waits', async () => {
    const source = `
      const bearer = bearerWith();
      bearer.push(new op.Timeout({ milliseconds: 60_000 }));
      const listener = bearer.listen({});
      bearer.push(new op.AcceptMulti({ listener: listener.descriptor }));
      await new Promise((resolve) => setTimeout(resolve, 200));
      const before = process.cpuUsage();
      const { enters } = bearer.stats();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { user, system } = process.cpuUsage(before);
      report({ milliseconds: (user + system) / 1000, enters: bearer.stats().enters - enters });
      process.exit();`;
    const [{ milliseconds, enters }] = (await reportOf(driver, source)) as [
      { milliseconds: number; enters: number },
    ];
    expect(milliseconds).toBeLessThan(200);
    expect(enters).toBeLessThan(100);
  });

  test('sees a drain complete where nothing else happens, and waits in peace afterwards', async () => {
    const source = `
      const bearer = bearerWith();
      bearer.push(new op.Timeout({ milliseconds: 30 }));
      report(await bearer.submit(new op.Nop(), { flags: op.SubmissionFlags.DRAIN }));
      await new Promise((resolve) => setTimeout(resolve, 20));
      const { enters } = bearer.stats();
      await new Promise((resolve) => setTimeout(resolve, 200));
      report(bearer.stats().enters - enters < 20);
      const net = await import('node:net');
      const server = net.createServer((socket) => socket.end('hi'));
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      bearer.push(new op.Timeout({ milliseconds: 60_000 }));
      const drained = bearer.submit(new op.Nop(), { flags: op.SubmissionFlags.DRAIN }).catch((error) => error.code);
      for await (const chunk of net.connect(server.address().port, '127.0.0.1')) report(String(chunk));
      server.close();
      await bearer.close();
      report(await drained);`;
    const reported = await reportOf(driver, source);
    expect(reported.slice(0, 3)).toEqual([0, true, 'hi']);
    // The drain may run once what it waited for is cancelled, or be cancelled with it.
    expect([0, 'ECANCELED']).toContain(reported[3]);
  });

  test('hears of what a handler throws, and loses no completion', async () => {
    const source = `
      const bearer = bearerWith();
      const errors = [];
      process.on('uncaughtException', (error) => errors.push(error.message));
      let handled = 0;
      for (let i = 0; i < 40; i++) {
        const nop = new op.Nop();
        nop.handler = () => {
          handled++;
          if (i % 4 === 0) throw new Error('handler ' + i);
        };
        bearer.push(nop);
      }
      await bearer.submit(new op.Nop());
      await new Promise((resolve) => setTimeout(resolve, 10));
      report({ handled, errors: errors.length, first: errors[0], used: bearer.stats().capacity.PendingCompletions.used });
      await bearer.close();`;
    expect(await reportOf(driver, source)).toEqual([
      { handled: 40, errors: 10, first: 'handler 0', used: 0 },
    ]);
  });

  test('ends with the error of a handler that nobody catches', async () => {
    const source = `
      const bearer = bearerWith();
      const nop = new op.Nop();
      nop.handler = () => { throw new Error('nobody catches this'); };
      bearer.push(nop);`;
    const { code, stderr } = await runProgram(driver, source);
    expect(code).toBe(1);
    expect(stderr).toContain('nobody catches this');
  });

  test('hears of what onBatch and onWake throw', async () => {
    const source = `
      const errors = new Set();
      process.on('uncaughtException', (error) => errors.add(error.message));
      const bearer = bearerWith({
        onBatch: () => { throw new Error('batch'); },
        onWake: () => { throw new Error('wake'); },
      });
      report(await bearer.submit(new op.Nop()));
      await new Promise((resolve) => setTimeout(resolve, 10));
      report([...errors].sort());
      await bearer.close();`;
    expect(await reportOf(driver, source)).toEqual([0, ['batch', 'wake']]);
  });

  test('keeps a forgotten idle bearer without harm', async () => {
    const source = `
      for (let i = 0; i < 20; i++) await bearerWith().submit(new op.Nop());
      for (let i = 0; i < 5; i++) {
        globalThis.gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
      report('end');`;
    expect(await reportOf(driver, source, { flags: ['--expose-gc'] })).toEqual(['end']);
  });

  test('gives maps and descriptors back after close()', async () => {
    const source = `
      import { readFileSync, readdirSync } from 'node:fs';
      const settle = async () => {
        for (let i = 0; i < 10; i++) {
          globalThis.gc();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      const count = () => ({
        maps: readFileSync('/proc/self/maps', 'utf8').split('\\n').filter((line) => /io_uring|rw-p.* 00:00 0/.test(line)).length,
        fds: readdirSync('/proc/self/fd').length,
      });
      const once = async () => {
        const bearer = bearerWith({}, { RegisteredFd: 8 });
        bearer.buffers.ring({ count: 8, bufferBytes: 4096 });
        bearer.allocate(1 << 20);
        await bearer.submit(new op.Nop());
        await bearer.close();
      };
      for (let i = 0; i < 10; i++) await once();
      await settle();
      const before = count();
      for (let i = 0; i < 100; i++) await once();
      await settle();
      const after = count();
      report({ maps: after.maps - before.maps, fds: after.fds - before.fds });`;
    const [{ maps, fds }] = (await reportOf(driver, source, { flags: ['--expose-gc'] })) as [
      { maps: number; fds: number },
    ];
    expect(fds).toBe(0);
    // Seven mappings a bearer: 700 when none is given back. V8 maps some of its own meanwhile.
    expect(maps).toBeLessThan(100);
  });
});

describe('driver manual: a process', () => {
  test('goes on waiting after a signal', async () => {
    const source = `
      import { spawn } from 'node:child_process';
      import { once } from 'node:events';
      process.on('SIGUSR2', () => {});
      const bearer = bearerWith();
      const shell = spawn('sh', ['-c', 'for i in 1 2 3 4 5; do sleep 0.05; kill -USR2 ' + process.pid + '; done']);
      await once(shell, 'spawn');
      bearer.push(new op.Timeout({ milliseconds: 400 }));
      bearer.submitAndWait(1);
      report(bearer.handleCompletions());`;
    expect(await reportOf('manual', source)).toEqual([1]);
  });

  test('collects a forgotten bearer, with operations in flight too', async () => {
    const source = `
      import { readdirSync } from 'node:fs';
      const fds = () => readdirSync('/proc/self/fd').length;
      const before = fds();
      for (let i = 0; i < 20; i++) {
        const bearer = bearerWith();
        bearer.push(new op.Timeout({ milliseconds: 60_000 }));
        bearer.flush();
      }
      for (let i = 0; i < 10; i++) {
        globalThis.gc();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      report(fds() - before);`;
    const [left] = await reportOf('manual', source, { flags: ['--expose-gc'] });
    expect(left).toBeLessThan(3);
  });
});
