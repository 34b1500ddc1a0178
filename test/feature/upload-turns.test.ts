import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RepositoryName } from '../../src/oci/reference.ts';
import type { UploadSession } from '../../src/registry/uploads.ts';
import { digestOf } from '../support/images.ts';
import { type SharedUploads, openSharedUploads } from '../support/shared-uploads.ts';
import { gate, until } from '../support/until.ts';

const repository = 'app' as RepositoryName;
const never = 3_600_000;

/** A client that has sent `bytes`, and then nothing until it breaks off. */
function openRequest(bytes: Uint8Array) {
  const received = gate();
  const broken = gate();
  async function* body(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(bytes);
    received.open();
    await broken.opened;
    throw new Error('the client is gone');
  }
  return { body: body(), received: received.opened, breakOff: () => broken.open() };
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

describe.each([
  ['the same process', false],
  ['another process', true],
])('while a request works on an upload, in %s', (_where, isOther) => {
  let directory: string;
  let one: SharedUploads;
  let other: SharedUploads;
  let session: UploadSession;

  async function begin(quietMilliseconds: number): Promise<void> {
    one = await openSharedUploads(directory, Date.now, quietMilliseconds);
    other = isOther ? await openSharedUploads(directory, Date.now, quietMilliseconds) : one;
    session = { id: await one.uploads.start(repository, 'sha256', ''), repository, owner: '' };
  }
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-turns-'));
  });
  afterEach(async () => {
    await one.close();
    if (isOther) await other.close();
    await rm(directory, { recursive: true });
  });

  test('its offset is reported after its client has disconnected and its bytes are settled', async () => {
    await begin(never);
    const request = openRequest(randomBytes(1000));
    const appended = one.uploads.append(session, { body: request.body });
    await request.received;
    const offset = other.uploads.status(session);
    request.breakOff();
    await expect(appended).rejects.toThrow('the client is gone');
    expect(await offset).toBe(1000);
    expect(await other.uploads.append(session, { body: whole(randomBytes(500)), range: { first: 1000, last: 1499 } })).toBe(1500);
  });

  test('a waiting request whose client disconnects is dropped', async () => {
    await begin(never);
    const request = openRequest(randomBytes(1000));
    const appended = one.uploads.append(session, { body: request.body });
    await request.received;
    const gone = new AbortController();
    const late = other.uploads.append(session, { body: whole(randomBytes(700)) }, gone.signal);
    gone.abort(new Error('the late client is gone'));
    request.breakOff();
    await expect(appended).rejects.toThrow('the client is gone');
    await expect(late).rejects.toThrow('the late client is gone');
    expect(await one.uploads.status(session)).toBe(1000);
  });

  test('a request that waited, and whose client has disconnected meanwhile, leaves no bytes', async () => {
    await begin(never);
    const request = openRequest(randomBytes(1000));
    const appended = one.uploads.append(session, { body: request.body });
    await request.received;
    const lateRequest = openRequest(randomBytes(700));
    lateRequest.breakOff();
    const late = other.uploads.append(session, { body: lateRequest.body });
    const lateFailure = expect(late).rejects.toThrow('the client is gone');
    if (isOther) await until(async () => (await other.metadata.leases.findState(`upload:${session.id}`))?.wanted === true);
    request.breakOff();
    await expect(appended).rejects.toThrow('the client is gone');
    await lateFailure;
    expect(await one.uploads.status(session)).toBe(1000);
  });

  test('a newer request ends a request that receives nothing', async () => {
    await begin(20);
    const [first, second] = [randomBytes(1000), randomBytes(500)];
    const request = openRequest(first);
    const halfOpen = expect(one.uploads.append(session, { body: request.body })).rejects.toMatchObject({ status: 409 });
    await request.received;
    expect(await other.uploads.append(session, { body: whole(second) })).toBe(1500);
    await halfOpen;
    await other.uploads.finish(session, digestOf(Buffer.concat([first, second])));
    request.breakOff();
  });
});
