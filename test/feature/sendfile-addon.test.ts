import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { sendfileIsAvailable } from '../../src/http/transfer/native/sendfile.ts';
import type { Log } from '../../src/observability/log.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { pushBlob } from '../support/images.ts';
import { until } from '../support/until.ts';

const addon = resolve(import.meta.dirname, '../../src/http/transfer/native/sendfile.node');

test('blobs are sent by sendfile if the addon has been built', () => {
  expect(sendfileIsAvailable).toBe(existsSync(addon));
});

/** Pulls and closes the connection with the last byte. */
function pullAndClose({ port }: TestBerth, path: string, sizeBytes: number): Promise<void> {
  return new Promise((done, reject) => {
    let received = Buffer.alloc(0);
    const socket = connect(port, '127.0.0.1', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`));
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const head = received.indexOf('\r\n\r\n');
      if (head < 0 || received.length < head + 4 + sizeBytes) return;
      socket.destroy();
      done();
    });
  });
}

test('a client that closes its connection with the last byte has got a complete response in the log', async () => {
  const records: Record<string, unknown>[] = [];
  const note = (fields: Record<string, unknown>) => void records.push(fields);
  const berth = await startBerth({}, { info: note, warn: note, error: note } as unknown as Log);
  const bytes = randomBytes(100_000);
  const digest = await pushBlob(berth, 'app', bytes);
  const pulls = 100;
  for (let pull = 0; pull < pulls; pull++) await pullAndClose(berth, `/v2/app/blobs/${digest}`, bytes.length);
  const ofPulls = () => records.filter(({ method, url }) => method === 'GET' && String(url).includes('/blobs/'));
  await until(() => ofPulls().length === pulls);
  expect(new Set(ofPulls().map(({ complete, bodyBytesSent }) => `${String(complete)} ${String(bodyBytesSent)}`))).toEqual(
    new Set(['true 100000']),
  );
  await berth.close();
});
