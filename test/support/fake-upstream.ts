import { randomBytes } from 'node:crypto';
import { type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type FakeAccounts, type FakeAccountsOptions, createFakeAccounts } from './fake-upstream-accounts.ts';
import { type FakeContent, type StoredManifest, createFakeContent } from './fake-upstream-content.ts';
import { digestOf } from './images.ts';

/** One request as the upstream saw it. */
export interface SeenRequest {
  /** The registry itself, its token server, or the host that blobs are redirected to. */
  readonly at: 'registry' | 'token' | 'cdn';
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** A misbehaviour of the upstream. */
export interface Misdeed {
  /** Answers this. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sends this many bytes of the body, then ends the connection. */
  readonly cutAfter?: number;
  /** Sends this many bytes of the body and the rest once `until` resolves. */
  readonly stallAfter?: number;
  /** Answers once this resolves; with `stallAfter`: sends the rest then. */
  readonly until?: Promise<unknown>;
  /** Sends other bytes of the same length. */
  readonly lie?: boolean;
  /** Sends the whole where a part was asked for. */
  readonly ignoreRange?: boolean;
}

export interface FakeUpstreamOptions extends FakeAccountsOptions {
  /** Sends blobs from another host, by signed URLs that are good once. */
  readonly redirectBlobs?: boolean;
  /** Sends manifests from another host too, as registry.k8s.io does. */
  readonly redirectManifests?: boolean;
  /** Speaks TLS with this certificate and key (PEM). */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Headers on every answer of the registry, such as `ratelimit-remaining`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A registry on loopback with configurable misbehaviour that records its requests. */
export interface FakeUpstream extends FakeContent, Pick<FakeAccounts, 'hide' | 'show' | 'expireTokens'> {
  readonly url: string;
  readonly port: number;
  readonly requests: SeenRequest[];
  /** How many requests match; of the registry, unless the pattern says `cdn` or `token`. */
  count(method: string, url: RegExp, at?: SeenRequest['at']): number;
  /** Bytes of blobs that it has sent. */
  readonly blobBytes: number;
  /** Does `misdeed` for the next `times` requests that match. */
  misbehave(method: string, url: RegExp, misdeed: Misdeed, times?: number): void;
  /** Forgets every misdeed. */
  behave(): void;
  /** Takes no connections until it is `back`. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

interface Script {
  readonly method: string;
  readonly url: RegExp;
  readonly misdeed: Misdeed;
  left: number;
}

export async function startFakeUpstream(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const { auth = 'none', redirectBlobs = false, redirectManifests = false } = options;
  const requests: SeenRequest[] = [];
  const scripts: Script[] = [];
  const links = new Map<string, string>();
  let blobBytes = 0;
  const content = createFakeContent();
  const { blobs, manifests, tags, referrers } = content;
  const accounts = createFakeAccounts(options);

  const answer = (request: IncomingMessage, response: ServerResponse) => void handle('registry', request, response);
  const registry = options.tls ? createTlsServer(options.tls, answer) : createServer(answer);
  const cdn = createServer((request, response) => void handle('cdn', request, response));
  await Promise.all([listen(registry, 0), listen(cdn, 0)]);
  const port = (registry.address() as AddressInfo).port;
  const base = `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const cdnBase = `http://127.0.0.1:${(cdn.address() as AddressInfo).port}`;

  async function handle(where: 'registry' | 'cdn', request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const at = where === 'registry' && url.startsWith('/token') ? 'token' : where;
    requests.push({ at, method, url, headers });
    const script = scripts.find((one) => one.left > 0 && one.method === method && one.url.test(`${at} ${url}`));
    if (script) script.left--;
    const misdeed = script?.misdeed ?? {};
    if (misdeed.until && misdeed.stallAfter === undefined) await misdeed.until;
    for (const [name, value] of Object.entries({ ...options.headers, ...misdeed.headers })) response.setHeader(name, value);
    if (misdeed.status !== undefined) {
      response.writeHead(misdeed.status).end(misdeed.body ?? '');
      return;
    }
    if (at === 'token') accounts.giveToken(request, response);
    else if (at === 'cdn') serveLink(request, response, misdeed);
    else serve(request, response, misdeed);
  }

  function serve(request: IncomingMessage, response: ServerResponse, misdeed: Misdeed): void {
    const url = new URL(request.url ?? '', base);
    const refused = accounts.refusal(repositoryIn(url), request);
    const isExpired = request.headers.authorization !== undefined && !accounts.mayEnter(request);
    if (!isExpired && (refused === 403 || refused === 404)) {
      response.writeHead(refused).end();
      return;
    }
    if (refused === 401 || !accounts.mayEnter(request)) {
      const challenge =
        auth === 'basic'
          ? 'Basic realm="fake"'
          : `Bearer realm="${base}/token",service="fake",scope="repository:${repositoryIn(url)}:pull"`;
      response.writeHead(401, { 'WWW-Authenticate': challenge }).end();
      return;
    }
    const match = /^\/v2\/(.+)\/(manifests|blobs|referrers)\/([^/]+)$/.exec(url.pathname);
    const [, repository = '', kind = '', reference = ''] = match ?? [];
    if (kind === 'manifests') serveManifest(request, response, repository, reference, misdeed);
    else if (kind === 'blobs') serveBlob(request, response, `${repository}@${reference}`, misdeed);
    else if (kind === 'referrers')
      sendJson(response, { schemaVersion: 2, manifests: referrers.get(`${repository}@${reference}`) ?? [] });
    else if (url.pathname === '/v2/_catalog') serveCatalog(url, response);
    else if (url.pathname.endsWith('/tags/list')) serveTags(url, response);
    else response.writeHead(url.pathname === '/v2/' ? 200 : 404).end();
  }

  function serveCatalog(url: URL, response: ServerResponse): void {
    const all = [...new Set([...tags.keys()].map((key) => key.slice(0, key.lastIndexOf(':'))))].sort();
    const limit = Number(url.searchParams.get('n') ?? 1000);
    const page = all.filter((name) => name > (url.searchParams.get('last') ?? '')).slice(0, limit);
    if (page.at(-1) !== all.at(-1)) response.setHeader('Link', `</v2/_catalog?n=${limit}&last=${page.at(-1) ?? ''}>; rel="next"`);
    sendJson(response, { repositories: page });
  }

  function serveTags(url: URL, response: ServerResponse): void {
    const repository = url.pathname.slice('/v2/'.length, -'/tags/list'.length);
    const prefix = `${repository}:`;
    const all = [...tags.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length))
      .sort();
    const limit = Number(url.searchParams.get('n') ?? 1000);
    const page = all.filter((tag) => tag > (url.searchParams.get('last') ?? '')).slice(0, limit);
    if (page.length === limit && page.at(-1) !== all.at(-1)) {
      response.setHeader('Link', `<${base}${url.pathname}?n=${limit}&last=${page.at(-1) ?? ''}>; rel="next"`);
    }
    if (all.length === 0) response.statusCode = 404;
    sendJson(response, { name: repository, tags: page });
  }

  function serveManifest(
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
    reference: string,
    misdeed: Misdeed,
  ): void {
    const digest = reference.includes(':') ? reference : (tags.get(`${repository}:${reference}`) ?? '');
    const stored = manifests.get(`${repository}@${digest}`);
    if (!stored) return sendUnknown(response);
    if (redirectManifests) return redirect(response, `m${repository}@${digest}`);
    sendManifest(request, response, digest, stored, misdeed);
  }

  function sendManifest(
    request: IncomingMessage,
    response: ServerResponse,
    digest: string,
    stored: StoredManifest,
    misdeed: Misdeed,
  ): void {
    const bytes = misdeed.lie ? Buffer.from(stored.bytes).fill(32, 0, 1) : stored.bytes;
    response.writeHead(200, {
      'Content-Type': stored.mediaType,
      'Content-Length': bytes.length,
      'Docker-Content-Digest': digest,
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  function serveBlob(request: IncomingMessage, response: ServerResponse, key: string, misdeed: Misdeed): void {
    const bytes = blobs.get(key);
    if (!bytes) return sendUnknown(response);
    if (redirectBlobs && request.method === 'GET') return redirect(response, `b${key}`);
    void sendBlob(request, response, bytes, misdeed);
  }

  /** A link that is good for one request. */
  function redirect(response: ServerResponse, key: string): void {
    const signature = randomBytes(8).toString('hex');
    links.set(signature, key);
    response.writeHead(307, { Location: `${cdnBase}/data?verify=${signature}` }).end();
  }

  function serveLink(request: IncomingMessage, response: ServerResponse, misdeed: Misdeed): void {
    const signature = new URL(request.url ?? '', cdnBase).searchParams.get('verify') ?? '';
    const key = links.get(signature);
    links.delete(signature);
    // Object stores refuse requests with two kinds of permission.
    if (request.headers.authorization !== undefined) {
      response.writeHead(400).end('only one auth mechanism allowed');
      return;
    }
    const manifest = manifests.get(key?.slice(1) ?? '');
    const blob = blobs.get(key?.slice(1) ?? '');
    if (manifest) sendManifest(request, response, (key ?? '').replace(/^[^@]*@/, ''), manifest, misdeed);
    else if (blob) void sendBlob(request, response, blob, misdeed);
    else response.writeHead(403).end();
  }

  async function sendBlob(request: IncomingMessage, response: ServerResponse, whole: Buffer, misdeed: Misdeed): Promise<void> {
    const asked = misdeed.ignoreRange ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const first = Number(asked?.[1] ?? 0);
    if (first >= whole.length && whole.length > 0) {
      response.writeHead(416, { 'Content-Range': `bytes */${whole.length}` }).end();
      return;
    }
    const last = asked?.[2] ? Number(asked[2]) : whole.length - 1;
    const part = misdeed.lie ? Buffer.alloc(last + 1 - first, 0x2e) : whole.subarray(first, last + 1);
    response.writeHead(asked ? 206 : 200, {
      'Content-Length': part.length,
      'Docker-Content-Digest': digestOf(whole),
      ...(asked ? { 'Content-Range': `bytes ${first}-${last}/${whole.length}` } : {}),
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const until = misdeed.cutAfter ?? misdeed.stallAfter ?? part.length;
    await write(response, part.subarray(0, until));
    if (misdeed.cutAfter !== undefined) response.destroy();
    if (misdeed.stallAfter !== undefined) await misdeed.until;
    if (misdeed.cutAfter === undefined) {
      await write(response, part.subarray(until));
      response.end();
    }
  }

  async function write(response: ServerResponse, bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !response.destroyed; at += 64 * 1024) {
      const chunk = bytes.subarray(at, at + 64 * 1024);
      blobBytes += chunk.length;
      await new Promise<void>((resolve) => {
        response.once('close', resolve);
        response.write(chunk, () => {
          response.off('close', resolve);
          resolve();
        });
      });
    }
  }

  return {
    url: base,
    port,
    requests,
    count: (method, url, at = 'registry') =>
      requests.filter((request) => request.at === at && request.method === method && url.test(request.url)).length,
    get blobBytes() {
      return blobBytes;
    },
    ...content.adding,
    hide: accounts.hide,
    show: accounts.show,
    expireTokens: accounts.expireTokens,
    misbehave: (method, url, misdeed, times = 1) => void scripts.push({ method, url, misdeed, left: times }),
    behave: () => void scripts.splice(0),
    goAway: () => stop(registry),
    comeBack: () => listen(registry, port),
    async close() {
      await Promise.all([stop(registry), stop(cdn)]);
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function repositoryIn({ pathname }: URL): string {
  return pathname.replace(/^\/v2\//, '').replace(/\/(?:manifests|blobs|referrers|tags)\/[^/]+$/, '');
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(body));
}

function sendUnknown(response: ServerResponse): void {
  response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
}
