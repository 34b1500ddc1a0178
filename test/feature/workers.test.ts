import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { digestOf, pushBlob, startUpload } from '../support/images.ts';
import { isLong } from '../support/long.ts';
import { expectPullable, withPushingClients } from '../support/pushing-clients.ts';
import { stable, until } from '../support/until.ts';

/** Acknowledged pushes before each kill, and after the last one. */
const pushes = isLong ? 100 : 40;
const clients = 32;
const kills = 4;

describe('workers: 2', () => {
  let berth: BerthProcess;
  beforeAll(async () => {
    berth = await startBerthProcess({ BERTH_WORKERS: '2', BERTH_LOG_LEVEL: 'info' });
  });
  afterAll(() => berth.dispose());

  const killed = new Set<number>();
  const serving = () =>
    [...berth.log().matchAll(/"pid":(\d+),"milliseconds":\d+,"msg":"a worker serves"/g)].map((match) => Number(match[1]));

  test('serve one port', async () => {
    const servedBy = () =>
      new Set([...berth.log().matchAll(/"worker":(\d+),.*"msg":"request(?: refused)?"/g)].map((match) => match[1]));
    await until(async () => {
      expect((await call(berth, 'GET', '/v2/')).status).toBe(200);
      return servedBy().size === 2;
    });
  });

  test('share a burst of connections evenly', async () => {
    const connections = 200;
    const path = '/v2/burst/manifests/1';
    const servedBy = () =>
      [...berth.log().matchAll(/"worker":(\d+),.*"msg":"request(?: refused)?"/g)].flatMap(([line, worker]) =>
        line.includes(path) ? worker : [],
      );
    // One worker sleeps meanwhile: what is its share waits for it, and is not taken by the other one.
    const sleeper = serving()[0] ?? NaN;
    process.kill(sleeper, 'SIGSTOP');
    const burst = Array.from({ length: connections }, () => call(berth, 'HEAD', path));
    await stable(() => Promise.resolve(servedBy().length));
    process.kill(sleeper, 'SIGCONT');
    await Promise.all(burst);
    await until(() => servedBy().length === connections);
    const counts = [...new Set(servedBy())].map((worker) => servedBy().filter((other) => other === worker).length);
    // Each connection goes to one of two: that one of them gets fewer than 50 of 200 happens once in 10^12 runs.
    expect(counts).toEqual([expect.any(Number), expect.any(Number)]);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(50);
  });

  test('report the metrics of all workers in one answer', async () => {
    const scrape = async () => (await call(berth, 'GET', '/metrics')).body.toString();
    const served = (text: string) => {
      const lines = [
        ...text.matchAll(/^berth_http_requests_total\{method="DELETE",route="[^"]+",status="404",worker="(\d+)"\} (\d+)$/gm),
      ];
      return new Map(lines.map(([, worker, count]) => [worker, Number(count)]));
    };
    await until(async () => {
      await call(berth, 'DELETE', '/v2/none/manifests/1');
      return served(await scrape()).size === 2;
    });
    const sum = async () => [...served(await scrape()).values()].reduce((total, count) => total + count, 0);
    const before = await stable(sum);
    for (let request = 0; request < 10; request++) await call(berth, 'DELETE', '/v2/none/manifests/1');
    await until(async () => (await sum()) === before + 10);
    const text = await scrape();
    expect(text.match(/^# TYPE berth_http_requests_total/gm)).toHaveLength(1);
    expect(text.match(/^process_resident_memory_bytes\{worker="\d+"\}/gm)).toHaveLength(2);
  });

  test('share upload sessions', async () => {
    const bytes = randomBytes(100_000);
    const location = await startUpload(berth, 'app');
    for (let sent = 0; sent < bytes.length; sent += 10_000) {
      const answer = await call(berth, 'PATCH', location, { body: bytes.subarray(sent, sent + 10_000) });
      expect(answer.header('range')).toBe(`0-${sent + 9_999}`);
    }
    expect((await call(berth, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
  });

  test(`${clients} clients, a worker killed ${kills} times: nothing acknowledged is lost, and another takes its place`, async () => {
    const acknowledged = await withPushingClients(berth, clients, async (pushed) => {
      for (let kill = 0; kill < kills; kill++) {
        await pushed(pushes);
        const alive = serving().filter((pid) => !killed.has(pid));
        const victim = alive[kill % alive.length] ?? NaN;
        process.kill(victim, 'SIGKILL');
        killed.add(victim);
        await until(() => serving().length === 2 + killed.size);
      }
      await pushed(pushes);
    });
    for (const [name, image] of acknowledged) await expectPullable(berth, name, image);
  }, 300_000);

  test('stop at SIGTERM after their transfers, and serve all content after a restart', async () => {
    const bytes = randomBytes(100_000);
    const digest = await pushBlob(berth, 'app', bytes);
    expect(await berth.kill('SIGTERM')).toBe(0);
    await berth.start();
    expect((await call(berth, 'GET', `/v2/app/blobs/${digest}`)).body.equals(bytes)).toBe(true);
  });

  test('that cannot start are one error message, and berth exits', async () => {
    const start = startBerthProcess({ BERTH_WORKERS: '2', BERTH_LISTEN: `127.0.0.1:${berth.port}` });
    const { message } = await start.then(
      () => new Error('it started'),
      (error: unknown) => error as Error,
    );
    expect(message.match(/another program listens there/g)).toHaveLength(1);
  });
});
