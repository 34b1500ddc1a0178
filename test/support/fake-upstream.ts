import { randomBytes } from 'node:crypto';
import { type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type TestImage, descriptor, digestOf, newImage } from './images.ts';
import { tar } from './tar.ts';
import type { Digest } from '../../src/oci/digest.ts';

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

interface Login {
  readonly username: string;
  readonly password: string;
}

export interface FakeUpstreamOptions {
  /** How clients log in; anonymous ones get tokens too, unless `login` is set. */
  readonly auth?: 'none' | 'bearer' | 'basic';
  readonly login?: Login;
  /** Accounts that may read hidden repositories; with `auth` only. */
  readonly users?: readonly Login[];
  /** Sends blobs from another host, by signed URLs that are good once. */
  readonly redirectBlobs?: boolean;
  /** Sends manifests from another host too, as registry.k8s.io does. */
  readonly redirectManifests?: boolean;
  readonly tokenSeconds?: number;
  /** Speaks TLS with this certificate and key (PEM). */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Headers on every answer of the registry, such as `ratelimit-remaining`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A registry on loopback with configurable misbehaviour that records its requests. */
export interface FakeUpstream {
  readonly url: string;
  readonly port: number;
  readonly requests: SeenRequest[];
  /** How many requests match; of the registry, unless the pattern says `cdn` or `token`. */
  count(method: string, url: RegExp, at?: SeenRequest['at']): number;
  /** Bytes of blobs that it has sent. */
  readonly blobBytes: number;
  addBlob(repository: string, bytes: Buffer): Digest;
  addManifest(repository: string, tag: string | undefined, manifest: string, mediaType?: string): Digest;
  /** An image with a layer of `layerBytes`. */
  addImage(repository: string, tag: string, layerBytes?: number): TestImage;
  /** An image that clients can unpack: one file of random bytes. */
  addRealImage(repository: string, tag: string, fileBytes: number): { readonly digest: string; readonly layer: Buffer };
  /** Shows the repository to these users only, and answers this status to others. */
  hide(repository: string, usernames: readonly string[], status?: 401 | 403 | 404): void;
  /** Shows it to everybody. */
  show(repository: string): void;
  deleteTag(repository: string, tag: string): void;
  addReferrer(repository: string, subject: string, artifactType: string): string;
  /** Does `misdeed` for the next `times` requests that match. */
  misbehave(method: string, url: RegExp, misdeed: Misdeed, times?: number): void;
  /** Forgets every misdeed. */
  behave(): void;
  /** Tokens given until now are worth nothing any more. */
  expireTokens(): void;
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

interface Stored {
  readonly bytes: Buffer;
  readonly mediaType: string;
}

export async function startFakeUpstream(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const { auth = 'none', login, users = [], redirectBlobs = false, redirectManifests = false, tokenSeconds = 300 } = options;
  const requests: SeenRequest[] = [];
  const scripts: Script[] = [];
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, Stored>();
  const tags = new Map<string, string>();
  const referrers = new Map<string, object[]>();
  /** The account of each; '' for anonymous ones. */
  const tokens = new Map<string, string>();
  const hidden = new Map<string, { readonly usernames: readonly string[]; readonly status: 401 | 403 | 404 }>();
  const links = new Map<string, string>();
  let blobBytes = 0;

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
    if (at === 'token') giveToken(request, response);
    else if (at === 'cdn') serveLink(request, response, misdeed);
    else serve(request, response, misdeed);
  }

  function giveToken(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') {
      response.writeHead(405).end();
      return;
    }
    const { authorization } = request.headers;
    const user = userOf(authorization);
    const isWrong = user === undefined && authorization !== undefined && users.length > 0;
    if (isWrong || (login && user === undefined)) {
      response.writeHead(401).end();
      return;
    }
    const token = randomBytes(12).toString('hex');
    tokens.set(token, user ?? '');
    response.end(JSON.stringify({ token, expires_in: tokenSeconds }));
  }

  function userOf(authorization: string | undefined): string | undefined {
    const all = [...(login ? [login] : []), ...users];
    return all.find((one) => basic(one) === authorization)?.username;
  }

  /** The status that a repository is refused with; undefined where it is not. */
  function refusal(repository: string, { headers }: IncomingMessage): number | undefined {
    const rule = hidden.get(repository);
    const authorization = headers.authorization ?? '';
    const user = tokens.get(authorization.replace('Bearer ', '')) ?? userOf(authorization);
    return rule && !rule.usernames.includes(user ?? '') ? rule.status : undefined;
  }

  function mayEnter({ headers }: IncomingMessage): boolean {
    if (auth === 'none') return true;
    if (auth === 'basic') return users.length > 0 || userOf(headers.authorization) !== undefined;
    return tokens.has((headers.authorization ?? '').replace('Bearer ', ''));
  }

  function serve(request: IncomingMessage, response: ServerResponse, misdeed: Misdeed): void {
    const url = new URL(request.url ?? '', base);
    const refused = refusal(repositoryIn(url), request);
    const isExpired = request.headers.authorization !== undefined && !mayEnter(request);
    if (!isExpired && (refused === 403 || refused === 404)) {
      response.writeHead(refused).end();
      return;
    }
    if (refused === 401 || !mayEnter(request)) {
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
    else if (url.pathname.endsWith('/tags/list')) serveTags(url, response);
    else response.writeHead(url.pathname === '/v2/' ? 200 : 404).end();
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
    stored: Stored,
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

  function addBlob(repository: string, bytes: Buffer): Digest {
    blobs.set(`${repository}@${digestOf(bytes)}`, bytes);
    return digestOf(bytes);
  }

  function addManifest(
    repository: string,
    tag: string | undefined,
    manifest: string,
    mediaType: string = mediaTypes.ociManifest,
  ): Digest {
    const digest = digestOf(manifest);
    manifests.set(`${repository}@${digest}`, { bytes: Buffer.from(manifest), mediaType });
    if (tag !== undefined) tags.set(`${repository}:${tag}`, digest);
    return digest;
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
    addBlob,
    addManifest,
    addImage(repository, tag, layerBytes = 64) {
      const image = newImage({}, layerBytes);
      addBlob(repository, image.layer);
      addBlob(repository, Buffer.from(image.config));
      addManifest(repository, tag, image.manifest);
      return image;
    },
    addRealImage(repository, tag, fileBytes) {
      const layer = tar({ content: randomBytes(fileBytes) });
      const config = JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      });
      addBlob(repository, layer);
      addBlob(repository, Buffer.from(config));
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
        layers: [descriptor(layer)],
      });
      return { digest: addManifest(repository, tag, manifest), layer };
    },
    hide: (repository, usernames, status = 401) => void hidden.set(repository, { usernames, status }),
    show: (repository) => void hidden.delete(repository),
    deleteTag: (repository, tag) => void tags.delete(`${repository}:${tag}`),
    addReferrer(repository, subject, artifactType) {
      const manifest = newImage({
        artifactType,
        subject: { mediaType: mediaTypes.ociManifest, digest: subject, size: 1 },
      }).manifest;
      const digest = addManifest(repository, undefined, manifest);
      const key = `${repository}@${subject}`;
      referrers.set(key, [...(referrers.get(key) ?? []), { ...descriptor(manifest, mediaTypes.ociManifest), artifactType }]);
      return digest;
    },
    misbehave: (method, url, misdeed, times = 1) => void scripts.push({ method, url, misdeed, left: times }),
    behave: () => void scripts.splice(0),
    expireTokens: () => tokens.clear(),
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

function basic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(body));
}

function sendUnknown(response: ServerResponse): void {
  response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
}
