import { type JsonWebKey, type KeyObject, createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import type { SigningKeyRecord } from '../../../storage/metadata/queries/signing-keys.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Actor } from '../accounts/administration.ts';
import type { RightsVersion } from '../permissions/rights-version.ts';

/** A key that signs bearer tokens: ECDSA on P-256 (ES256). */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly createdAt: number;
  /** Milliseconds since 1970; null for the key that signs now. */
  readonly retiresAt: number | null;
}

/** The signing keys, shared by all processes through the metadata store. */
export interface SigningKeys {
  /** Returns the key that signs now. Creates one if there is none or the newest is older than 30 days. */
  current(): Promise<SigningKey>;
  find(kid: string): Promise<SigningKey | undefined>;
  /** Creates a key that signs from now on. Tokens of older keys stay valid until they expire. */
  rotate(by?: Actor): Promise<void>;
  /** Returns the public keys (RFC 7517), newest first. */
  publish(): Promise<readonly JsonWebKey[]>;
}

export interface SigningKeysOptions {
  readonly metadata: MetadataStore;
  readonly rightsVersion: RightsVersion;
  readonly now: () => number;
  /** Longest lifetime of a token. */
  readonly tokenMilliseconds: number;
}

const systemActor: Actor = { name: 'berth', address: '' };
const rotateAfterMilliseconds = 30 * 24 * 3600 * 1000;
/** Clocks of replicas differ, and a client may send a token in its last moment. */
const graceMilliseconds = 5 * 60 * 1000;

export function createSigningKeys({ metadata, rightsVersion, now, tokenMilliseconds }: SigningKeysOptions): SigningKeys {
  const rings = rightsVersion.cache<ReadonlyMap<string, SigningKey>>();
  /** Newest first; also those that have retired since they were read. */
  const ring = () =>
    rightsVersion.cached(
      rings,
      '',
      async () => new Map((await metadata.signingKeys.list()).map((record) => [record.kid, toKey(record)])),
    );
  const newestOf = (keys: ReadonlyMap<string, SigningKey>) => keys.values().next().value;
  const isGood = ({ retiresAt }: SigningKey) => retiresAt === null || retiresAt > now();

  async function find(kid: string): Promise<SigningKey | undefined> {
    const key = (await ring()).get(kid);
    return key && isGood(key) ? key : undefined;
  }

  async function rotate(by: Actor = systemActor): Promise<void> {
    const newest = newestOf(await ring());
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const kid = randomUUID();
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const at = now();
    await metadata.signingKeys.prune(at);
    await metadata.signingKeys.add({ kid, privateKey: pem }, newest?.kid ?? '', at + tokenMilliseconds + graceMilliseconds, {
      at,
      actor: by.name,
      address: by.address,
      action: 'key.rotate',
      target: kid,
      result: 'done',
    });
    rightsVersion.invalidate();
  }

  return {
    async current() {
      const newest = newestOf(await ring());
      // Also one from far ahead is too old: the clock was set back, and would not rotate it before it shows that time again.
      if (newest && Math.abs(now() - newest.createdAt) < rotateAfterMilliseconds) return newest;
      try {
        await rotate();
      } catch (error) {
        // While the store is read-only, the old key continues to sign.
        if (newest) return newest;
        throw error;
      }
      const made = newestOf(await ring());
      if (!made) throw new Error('no signing key could be made');
      return made;
    },
    async find(kid) {
      const known = await find(kid);
      if (known) return known;
      rightsVersion.invalidate();
      return find(kid);
    },
    rotate,
    async publish() {
      return [...(await ring()).values()].filter(isGood).map(({ kid, publicKey }) => ({
        ...publicKey.export({ format: 'jwk' }),
        kid,
        alg: 'ES256',
        use: 'sig',
      }));
    },
  };
}

function toKey({ kid, privateKey: pem, createdAt, retiresAt }: SigningKeyRecord): SigningKey {
  const privateKey = createPrivateKey(pem);
  return { kid, privateKey, publicKey: createPublicKey(privateKey), createdAt, retiresAt };
}
