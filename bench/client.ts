import { createHash, randomBytes } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import type { Server } from './server.ts';

/** Sends the load. It is the same for every server, so its own cost does not matter. */

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Sends one request and discards the body of the answer. Rejects unless the status is 2xx. */
export function send(
  server: Server,
  method: string,
  path: string,
  body?: Uint8Array,
  headers: OutgoingHttpHeaders = {},
): Promise<Answer> {
  const target = path.startsWith('http') ? path.slice(server.url.length) : path;
  return new Promise((resolve, reject) => {
    const length = { 'Content-Length': body?.length ?? 0 };
    const authorization = server.authorization.slice('Authorization: '.length).trim();
    const login = authorization === '' ? {} : { Authorization: authorization };
    const options = {
      host: '127.0.0.1',
      port: server.port,
      method,
      path: target,
      agent,
      headers: { ...length, ...login, ...headers },
    };
    request(options, (response) => {
      response.resume();
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status < 300) resolve({ status, headers: response.headers });
        else reject(new Error(`${server.name}: ${method} ${target} answered ${status}`));
      });
    })
      .on('error', reject)
      .end(body);
  });
}

/**
 * Sends `count` GETs (also answered by redirects) or HEADs of one path over `connections` keep-alive connections,
 * sequentially on each.
 */
export async function repeat(
  server: Server,
  method: 'GET' | 'HEAD',
  path: string,
  count: number,
  connections: number,
): Promise<void> {
  const each = Math.ceil(count / connections);
  await Promise.all(Array.from({ length: connections }, () => repeatOnOne(server, method, path, each)));
}

/** Uses a bare socket: a full HTTP parser would cost more than some servers need for their answers. */
function repeatOnOne(server: Server, method: string, path: string, count: number): Promise<void> {
  const text = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: ${accepted}\r\n${server.authorization}\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(text));
    let left = count;
    let headers: string | undefined;
    let head = Buffer.alloc(0);
    let bodyBytes = 0;
    socket.on('error', reject);
    socket.on('data', (data) => {
      if (headers === undefined) {
        head = Buffer.concat([head, data]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        headers = head.toString('latin1', 0, end);
        if (!/^HTTP\/1\.1 (?:200|307) /.test(headers)) return reject(new Error(`${server.name}: ${headers}`));
        bodyBytes = head.length - end - 4;
      } else bodyBytes += data.length;
      if (!isWhole(method, headers, bodyBytes, data)) return;
      headers = undefined;
      head = Buffer.alloc(0);
      if (--left > 0) return void socket.write(text);
      socket.end();
      resolve();
    });
  });
}

/** True if the body is complete, by its length or its last chunk. */
function isWhole(method: string, headers: string, bodyBytes: number, data: Buffer): boolean {
  if (method === 'HEAD') return true;
  const length = /content-length: (\d+)/i.exec(headers)?.[1];
  return length === undefined ? data.subarray(-5).toString('latin1') === '0\r\n\r\n' : bodyBytes >= Number(length);
}

/** Downloads a path and discards it; resolves to the number of bytes. */
export function download(server: Server, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const socket = connect({
      port: server.port,
      host: '127.0.0.1',
      onread: { buffer: Buffer.alloc(1024 * 1024), callback: (count) => ((bytes += count), true) },
    });
    socket.on('connect', () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${server.authorization}\r\n`),
    );
    socket.on('error', reject);
    socket.on('close', () => resolve(bytes));
  });
}

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

const withQuery = (location: string, query: string) => `${location}${location.includes('?') ? '&' : '?'}${query}`;

/** Pushes a blob as docker does: POST, PATCH with a streamed body, PUT. */
export async function pushBlob(server: Server, repository: string, bytes: Uint8Array, digest = digestOf(bytes)): Promise<void> {
  const started = await send(server, 'POST', `/v2/${repository}/blobs/uploads/`);
  const patched = await send(server, 'PATCH', started.headers.location ?? '', bytes, {
    'Content-Type': 'application/octet-stream',
  });
  await send(server, 'PUT', withQuery(patched.headers.location ?? '', `digest=${digest}`));
}

export const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';
/** Media types that the client accepts. */
export const accepted = `${manifestType}, application/vnd.oci.image.manifest.v1+json`;

export interface Image {
  readonly layers: readonly Uint8Array[];
  readonly config: Uint8Array;
  readonly manifest: Uint8Array;
}

export function newImage(layerCount: number, layerBytes: number): Image {
  return imageOf(Array.from({ length: layerCount }, () => randomBytes(layerBytes)));
}

export function imageOf(layers: readonly Uint8Array[]): Image {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', nonce: randomBytes(8).toString('hex') }));
  const describe = (bytes: Uint8Array, mediaType: string) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: describe(config, 'application/vnd.docker.container.image.v1+json'),
      layers: layers.map((layer) => describe(layer, 'application/vnd.docker.image.rootfs.diff.tar.gzip')),
    }),
  );
  return { layers, config, manifest };
}

/** Pushes an image as docker does: five layers at a time, with a HEAD before each. */
export async function pushImage(server: Server, repository: string, tag: string, image: Image): Promise<void> {
  const waiting = [...image.layers, image.config];
  const worker = async () => {
    for (let bytes = waiting.pop(); bytes; bytes = waiting.pop()) {
      const digest = digestOf(bytes);
      await send(server, 'HEAD', `/v2/${repository}/blobs/${digest}`).catch(() => undefined);
      await pushBlob(server, repository, bytes, digest);
    }
  };
  await Promise.all(Array.from({ length: 5 }, worker));
  await putManifest(server, repository, tag, image.manifest);
}

export function putManifest(server: Server, repository: string, reference: string, manifest: Uint8Array): Promise<Answer> {
  return send(server, 'PUT', `/v2/${repository}/manifests/${reference}`, manifest, { 'Content-Type': manifestType });
}

/** Pulls an image as docker does: the manifest, then three layers at a time. */
export async function pullImage(server: Server, repository: string, tag: string, image: Image): Promise<void> {
  await send(server, 'GET', `/v2/${repository}/manifests/${tag}`, undefined, { Accept: manifestType });
  const waiting = [image.config, ...image.layers].map(digestOf);
  const worker = async () => {
    for (let digest = waiting.pop(); digest; digest = waiting.pop())
      await send(server, 'GET', `/v2/${repository}/blobs/${digest}`);
  };
  await Promise.all(Array.from({ length: 3 }, worker));
}
