import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { discover } from '../../../src/access/federation/discovery.ts';
import { fetchJson } from '../../../src/access/federation/issuer-documents.ts';

let closeAll: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closeAll.map((close) => close()));
  closeAll = [];
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  closeAll.push(
    () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const client = { clientId: 'berth', clientSecret: undefined };

test('a document of an issuer may have 1 MiB and no more', async () => {
  let characters = 0;
  const url = await serve((_request, response) => response.end(JSON.stringify('x'.repeat(characters))));
  characters = 1024 * 1024 - 2;
  expect(await fetchJson(url)).toHaveLength(characters);
  characters++;
  await expect(fetchJson(url)).rejects.toThrow('is larger than 1048576 bytes');
});

test('redirects of an issuer are not followed', async () => {
  let visits = 0;
  const other = await serve((_request, response) => {
    visits++;
    response.end('{}');
  });
  const url = await serve((_request, response) => response.writeHead(302, { Location: other }).end());
  await expect(fetchJson(url)).rejects.toThrow('fetch failed');
  await expect(discover(url, client)).rejects.toThrow();
  expect(visits).toBe(0);
});

test('a discovery document that describes another issuer, or only almost this one, is refused', async () => {
  let issuer = 'https://elsewhere.example';
  const url = await serve((_request, response) =>
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` })),
  );
  await expect(discover(url, client)).rejects.toThrow('issuer');
  issuer = `${url}/`;
  await expect(discover(url, client)).rejects.toThrow(`describes ${url}/`);
  issuer = url;
  expect((await discover(url, client)).serverMetadata().jwks_uri).toBe(`${url}/keys`);
});
