import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { parseDigest } from '../../oci/digest.ts';
import type { Reference } from '../../oci/reference.ts';
import { mayTrust, parseChallenge } from '../../upstream/challenge.ts';
import type { MirroredRepository } from '../names/routing.ts';
import { createSingleFlight } from '../../coordination/single-flight.ts';
import type { PassingClient } from '../../upstream/upstream-client.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import { createLru } from '../../coordination/lru.ts';
import { isBefore } from '../../coordination/recent.ts';

/**
 * Clients' own rights at upstreams. A client gets a token from the upstream's token server, for one repository and for
 * minutes, and shows it here: if the upstream lets it read with it, so does the mirror. Passwords are never asked for, and
 * a token is used for nothing but that question.
 */
export interface PassThrough {
  /** True if the upstream lets the client read the repository with this header. False if the upstream cannot be asked. */
  proves(source: MirroredRepository, reference: Reference | undefined, authorization: string | undefined): Promise<boolean>;
  /** `WWW-Authenticate` that leads the client to the upstream's token server; undefined where there is none to be trusted. */
  challenge(source: MirroredRepository): Promise<string | undefined>;
}

export interface PassThroughOptions {
  readonly metadata: MetadataStore;
  readonly clientOf: (source: MirroredRepository) => PassingClient;
  readonly now: () => number;
}

interface TokenServer {
  readonly realm: URL;
  readonly service: string | undefined;
}

const maxProofs = 20_000;
/** The shortest life of a token, and the assumed one of a token that does not state it. */
const shortestLifeSeconds = 60;
const longestProofSeconds = 300;

export function createPassThrough({ metadata, clientOf, now }: PassThroughOptions): PassThrough {
  /** Until when, by the hash of repository and token. */
  const proofs = createLru<number>(maxProofs);
  /** By upstream. */
  const tokenServers = new LRUCache<string, TokenServer, MirroredRepository>({
    max: 1000,
    ttl: longestProofSeconds * 1000,
    fetchMethod: (_upstream, _expired, { context: source }) => findTokenServer(source),
  });
  const attempts = createSingleFlight<boolean>();

  /** A right is one of the whole repository: any manifest of it will do. */
  async function attempt(source: MirroredRepository, reference: Reference | undefined, token: string): Promise<boolean> {
    const asked = reference?.digest ?? reference?.tag ?? (await metadata.manifests.findAny(source.repository));
    if (asked === undefined) return false;
    const path = `manifests/${asked}`;
    const { status, headers } = await clientOf(source).headAs(source.remoteName, path, `Bearer ${token}`);
    // Something else than a registry may say 200 to everything.
    const digest = headers['docker-content-digest'];
    return status === 200 && typeof digest === 'string' && parseDigest(digest) !== undefined;
  }

  /** Undefined where the upstream has no token server that berth trusts. Rejects with `UpstreamError`. */
  async function findTokenServer(source: MirroredRepository): Promise<TokenServer | undefined> {
    const { upstream, remoteName } = source;
    const { headers } = await clientOf(source).headAs(remoteName, 'manifests/latest', undefined);
    const challenge = parseChallenge(headers['www-authenticate']);
    return challenge?.scheme === 'bearer' && mayTrust(challenge.realm, upstream.url) ? challenge : undefined;
  }

  return {
    proves: (source, reference, authorization) =>
      unlessUnasked(false, async () => {
        const token = /^bearer +([\x21-\x7e]{1,16384})$/i.exec(authorization ?? '')?.[1];
        if (token === undefined) return false;
        const key = hash('sha256', JSON.stringify([source.repository, token]), 'base64');
        if (isBefore(proofs.get(key) ?? 0, longestProofSeconds * 1000, now())) return true;
        const isProven = await attempts.run(`${key} ${reference?.digest ?? reference?.tag ?? ''}`, () =>
          attempt(source, reference, token),
        );
        if (isProven)
          proofs.set(key, Math.min(endOf(token) ?? now() + shortestLifeSeconds * 1000, now() + longestProofSeconds * 1000));
        return isProven;
      }),

    challenge: (source) =>
      unlessUnasked(undefined, async () => {
        const server = await tokenServers.fetch(source.upstream.name, { context: source });
        if (!server) return undefined;
        const service = server.service === undefined ? '' : `,service="${server.service}"`;
        return `Bearer realm="${server.realm.href}"${service},scope="repository:${source.remoteName}:pull"`;
      }),
  };
}

async function unlessUnasked<Result>(otherwise: Result, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UpstreamError) return otherwise;
    throw error;
  }
}

/** When the token ends, in milliseconds since 1970, where it says so (JWT): the upstream has just accepted it. */
function endOf(token: string): number | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Readonly<
      Record<string, unknown>
    >;
    return typeof claims['exp'] === 'number' ? claims['exp'] * 1000 : undefined;
  } catch {
    return undefined;
  }
}
