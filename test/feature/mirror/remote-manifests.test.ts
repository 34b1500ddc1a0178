import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { createRemoteManifests } from '../../../src/mirror/remote/remote-manifests.ts';
import type { MirroredRepository } from '../../../src/mirror/names/routing.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { readWhole } from '../../../src/upstream/transport.ts';
import { digestOf, newImage } from '../../support/images.ts';

test('when HEAD lacks a header the manifest is fetched, and only its digest, type and size are kept', async () => {
  const { manifest } = newImage();
  const methods: string[] = [];
  const request = ({ method }: { method: string }) => {
    methods.push(method);
    const body = Readable.from(method === 'GET' ? [Buffer.from(manifest)] : []);
    const headers = { 'content-type': mediaTypes.ociManifest };
    return Promise.resolve(Object.assign(body, { statusCode: 200, headers }) as unknown as IncomingMessage);
  };
  const remote = createRemoteManifests(
    () => ({ request }),
    1_000_000,
    () => undefined,
  );
  const source = { remoteName: 'o/i' } as MirroredRepository;
  expect(await remote.head(source, '1')).toEqual({
    digest: digestOf(manifest),
    mediaType: mediaTypes.ociManifest,
    sizeBytes: manifest.length,
  });
  expect(methods).toEqual(['HEAD', 'GET']);
});

test('an answer that arrives byte by byte is given up after its time', async () => {
  const drops = async function* () {
    for (;;) yield await new Promise<Buffer>((arrive) => setImmediate(() => arrive(Buffer.from(' '))));
  };
  const answer = Readable.from(drops()) as unknown as IncomingMessage;
  await expect(readWhole(answer, 1_000_000, 0.05)).rejects.toMatchObject({ code: 'timeout' });
  expect(answer.destroyed).toBe(true);
});
