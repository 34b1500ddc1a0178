import type { Administration } from '../../src/access/accounts/administration.ts';
import { createAdministration } from '../../src/access/accounts/create-administration.ts';
import { loadConfig } from '../../config/load.ts';
import { openMetadata } from '../../src/assembly/metadata-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { startBerthProcess } from './berth-process.ts';
import { type TestBerth, startBerth } from './berth.ts';
import { type Answer, type Call, call } from './call.ts';
import { type TestImage, newImage, digestOf } from './images.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';

export const adminPassword = 'correct horse';
export const admin = basic('admin', adminPassword);
/** The user that `startWithAlice` makes. */
export const aliceUser = { name: 'alice', password: 'wonderland' };
export const alice = basic(aliceUser.name, aliceUser.password);

/** A berth in mode token, and calls as its admin. */
export interface GuardedBerth extends TestBerth {
  readonly administration: Administration;
  readonly metadata: MetadataStore;
}

export async function startGuarded(settings: Readonly<Record<string, string>> = {}): Promise<GuardedBerth> {
  const berth = await startBerth({ BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: adminPassword, ...settings });
  // A second connection, as the command line has it.
  const metadata = await openMetadata(loadConfig({ environment: berth.environment }));
  const administration = createAdministration(metadata, { name: 'test', address: '' }, Date.now);
  return {
    ...berth,
    administration,
    metadata,
    async close() {
      await metadata.close();
      await berth.close();
    },
  };
}

/** Starts a berth as `startGuarded` does, with the user alice, who has no grants. */
export async function startWithAlice(settings: Readonly<Record<string, string>> = {}): Promise<GuardedBerth> {
  const berth = await startGuarded(settings);
  await berth.administration.createUser({ ...aliceUser, isAdmin: false });
  return berth;
}

/** Sends a request to the API. `body`: as JSON. `login`: headers, by default those of the admin. */
export type CallApi = (method: string, path: string, body?: unknown, login?: Readonly<Record<string, string>>) => Promise<Answer>;

/** Returns calls of the API of the berth that `server` returns at each call. */
export function apiOf(server: () => { readonly url: string }): CallApi {
  return (method, path, body, login = admin) => {
    if (body === undefined) return call(server(), method, `/api/v1${path}`, { headers: login });
    const headers = { ...login, 'Content-Type': 'application/json' };
    return call(server(), method, `/api/v1${path}`, { headers, body: JSON.stringify(body) });
  };
}

export function basic(name: string, secret: string): { readonly Authorization: string } {
  return { Authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}` };
}

export interface TokenAnswer {
  readonly token: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly issued_at: string;
  readonly refresh_token?: string;
}

/** Asks for a bearer token by GET, as docker does; without a login where `login` is undefined. */
export async function askToken(
  server: { readonly url: string },
  login: { readonly Authorization: string } | undefined,
  ...scopes: readonly string[]
): Promise<string> {
  const query = new URLSearchParams({ service: 'berth' });
  for (const scope of scopes) query.append('scope', scope);
  const answer = await call(server, 'GET', `/token?${query.toString()}`, { headers: { ...login } });
  if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.body.toString()}`);
  return (answer.json() as TokenAnswer).token;
}

/** The `access` claim, as the client can read it. */
export function accessOf(token: string): readonly { type: string; name: string; actions: string[] }[] {
  const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { access: never };
  return payload.access;
}

/** Sends a request with a bearer token, fetched by the challenge as every client does. */
export async function callAs(
  server: { readonly url: string },
  login: { readonly Authorization: string } | undefined,
  method: string,
  path: string,
  options: Call = {},
): Promise<Answer> {
  const first = await call(server, method, path, options);
  const challenge = first.status === 401 ? String(first.headers['www-authenticate']) : undefined;
  if (challenge === undefined) return first;
  const scopes = /scope="([^"]*)"/.exec(challenge)?.[1]?.split(' ') ?? [];
  const token = await askToken(server, login, ...scopes);
  return call(server, method, path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } });
}

/** Pushes an image as the account; rejects with the first answer other than 201. */
export async function pushAs(
  server: { readonly url: string },
  login: { readonly Authorization: string },
  repository: string,
  tag: string,
  image = newImage(),
): Promise<TestImage> {
  for (const bytes of [image.layer, image.config]) {
    expectCreated(
      await callAs(server, login, 'POST', `/v2/${repository}/blobs/uploads/?digest=${digestOf(bytes)}`, { body: bytes }),
    );
  }
  const headers = { 'Content-Type': mediaTypes.ociManifest };
  expectCreated(await callAs(server, login, 'PUT', `/v2/${repository}/manifests/${tag}`, { body: image.manifest, headers }));
  return image;
}

function expectCreated({ status, body }: Answer): void {
  if (status !== 201) throw new Error(`not created: ${status} ${body.toString()}`);
}

/** Starts the same in its own process, for real clients. */
export interface GuardedProcess {
  readonly url: string;
  readonly host: string;
  readonly administration: Administration;
  dispose(): Promise<void>;
}

export async function startGuardedProcess(): Promise<GuardedProcess> {
  const berth = await startBerthProcess({ BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: adminPassword });
  const metadata = await openMetadata(loadConfig({ environment: berth.environment }));
  return {
    url: berth.url,
    host: berth.host,
    administration: createAdministration(metadata, { name: 'test', address: '' }, Date.now),
    async dispose() {
      await metadata.close();
      await berth.dispose();
    },
  };
}
