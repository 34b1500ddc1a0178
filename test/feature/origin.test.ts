import type { IncomingMessage } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { createPublicUrl } from '../../src/http/server/public-url.ts';
import { call, callRaw } from '../support/call.ts';
import { pushImage } from '../support/images.ts';

let berth: TestBerth | undefined;
afterEach(async () => {
  await berth?.close();
  berth = undefined;
});

/** A public URL and trusted proxies let other machines in: mode open needs to be told that this is wanted. */
const start = async (settings: Readonly<Record<string, string>>) =>
  (berth = await startBerth({ BERTH_ACCESS_ALLOW_OPEN: 'true', ...settings }));

/** `Location` of a new upload. */
async function locationOf(server: TestBerth, headers: Readonly<Record<string, string>>): Promise<string> {
  const answer = await call(server, 'POST', '/v2/app/blobs/uploads/', { headers: { 'Content-Length': 0, ...headers } });
  return answer.header('location').replace(/[0-9a-f-]{36}$/, 'ID');
}

const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'registry.example.com' };

describe('Location', () => {
  test('is a path by default', async () => {
    expect(await locationOf(await start({}), forwarded)).toBe('/v2/app/blobs/uploads/ID');
  });

  test('absolute has the host of the request', async () => {
    const server = await start({ BERTH_LOCATIONS: 'absolute' });
    expect(await locationOf(server, { Host: 'registry.localhost:5000' })).toBe(
      'http://registry.localhost:5000/v2/app/blobs/uploads/ID',
    );
  });

  test('absolute behind a trusted proxy has the host that the client used for the proxy', async () => {
    const server = await start({ BERTH_LOCATIONS: 'absolute', BERTH_TRUSTED_PROXIES: '127.0.0.0/8' });
    expect(await locationOf(server, forwarded)).toBe('https://registry.example.com/v2/app/blobs/uploads/ID');
  });

  test('absolute ignores the headers of other peers', async () => {
    const server = await start({ BERTH_LOCATIONS: 'absolute', BERTH_TRUSTED_PROXIES: '10.0.0.0/8' });
    expect(await locationOf(server, { ...forwarded, Host: 'here.localhost' })).toBe(
      'http://here.localhost/v2/app/blobs/uploads/ID',
    );
  });

  test('absolute has the host of the public URL', async () => {
    const server = await start({ BERTH_LOCATIONS: 'absolute', BERTH_PUBLIC_URL: 'https://registry.example.com/' });
    expect(await locationOf(server, {})).toBe('https://registry.example.com/v2/app/blobs/uploads/ID');
  });

  test('absolute does not repeat an invalid Host', async () => {
    const server = await start({ BERTH_LOCATIONS: 'absolute' });
    const request = 'POST /v2/app/blobs/uploads/ HTTP/1.1\r\nHost: a"/><b>\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
    const answer = await callRaw(server, request);
    expect([answer.slice(0, 12), answer.includes('<b>')]).toEqual(['HTTP/1.1 400', false]);
  });
});

test('Link is absolute if Location is', async () => {
  const server = await start({ BERTH_LOCATIONS: 'absolute', BERTH_PUBLIC_URL: 'https://registry.example.com' });
  for (const tag of ['a', 'b']) await pushImage(server, 'app', tag);
  const answer = await call(server, 'GET', '/v2/app/tags/list?n=1');
  expect(answer.header('link')).toBe('<https://registry.example.com/v2/app/tags/list?n=1&last=a>; rel="next"');
});

describe('the client address behind a trusted proxy', () => {
  const { clientAddress } = createPublicUrl({ publicUrl: undefined, trustedProxies: ['10.0.0.0/8', '2001:db8::/32'] });
  const addressOf = (peer: string, hops: string) =>
    clientAddress({ socket: { remoteAddress: peer }, headers: { 'x-forwarded-for': hops } } as unknown as IncomingMessage);

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1, ::ffff:10.0.0.2', '192.0.2.1'],
    ['192.0.2.1, 10.0.0.2:443', '192.0.2.1'],
    ['203.0.113.9, 192.0.2.1:80, [2001:db8::1]:443', '192.0.2.1'],
    ['[2001:db9::1]:443', '2001:db9::1'],
    ['[2001:db9::1]', '2001:db9::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['203.0.113.9, unknown, 10.0.0.2', '10.0.0.2'],
    ['unknown', '10.0.0.1'],
    ['1.2.3.4.5', '10.0.0.1'],
  ])('X-Forwarded-For: %s is %s', (hops, expected) => {
    expect(addressOf('10.0.0.1', hops)).toBe(expected);
    expect(addressOf('::ffff:10.0.0.1', hops)).toBe(expected);
  });

  test('X-Forwarded-For of another peer is ignored', () => {
    expect(addressOf('192.0.2.7', '203.0.113.9')).toBe('192.0.2.7');
  });
});
