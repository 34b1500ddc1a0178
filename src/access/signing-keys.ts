import { type JsonWebKey, type KeyObject, createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import type { SigningKeyRecord } from '../../storage/metadata/queries/reads.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Epoch } from './epoch.ts';

/** A key of the bearer tokens: ECDSA on P-256 (ES256). */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** The keys, shared by all processes through the metadata store. */
export interface SigningKeys {
  /** The key that signs now; made where there is none or the last is too old. */
  current(): Promise<SigningKey>;
  find(kid: string): Promise<SigningKey | undefined>;
  /** A new key signs from now on. What older ones have signed stays good until it expires: nobody is logged out. */
  rotate(): Promise<void>;
  /** Public keys (RFC 7517), newest first. */
  publish(): Promise<readonly JsonWebKey[]>;
}

export interface SigningKeysOptions {
  readonly metadata: MetadataStore;
  readonly epoch: Epoch;
  readonly now: () => number;
  /** How long the longest token lives that a key may have signed. */
  readonly tokenMilliseconds: number;
}

const rotateAfterMilliseconds = 30 * 24 * 3600 * 1000;
/** Clocks of replicas differ, and a token may be presented at its last moment. */
const graceMilliseconds = 5 * 60 * 1000;

interface Ring {
  readonly keys: ReadonlyMap<string, SigningKey>;
  readonly newest: { readonly key: SigningKey; readonly createdAt: number } | undefined;
}

export function createSigningKeys({ metadata, epoch, now, tokenMilliseconds }: SigningKeysOptions): SigningKeys {
  const rings = epoch.cache<Ring>();
  const ring = () => epoch.cached(rings, '', async () => toRing(await metadata.listSigningKeys(), now()));

  async function rotate(): Promise<void> {
    const { newest } = await ring();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const kid = randomUUID();
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const at = now();
    await metadata.pruneSigningKeys(at);
    await metadata.addSigningKey({ kid, privateKey: pem }, newest?.key.kid ?? '', at + tokenMilliseconds + graceMilliseconds, {
      at,
      actor: '',
      address: '',
      action: 'key.rotate',
      target: kid,
      result: 'done',
    });
    epoch.expire();
  }

  return {
    async current() {
      const { newest } = await ring();
      if (newest && now() - newest.createdAt < rotateAfterMilliseconds) return newest.key;
      await rotate();
      const made = (await ring()).newest;
      if (!made) throw new Error('no signing key could be made');
      return made.key;
    },
    async find(kid) {
      const known = (await ring()).keys.get(kid);
      if (known) return known;
      epoch.expire();
      return (await ring()).keys.get(kid);
    },
    rotate,
    async publish() {
      return [...(await ring()).keys.values()].map(({ kid, publicKey }) => ({
        ...publicKey.export({ format: 'jwk' }),
        kid,
        alg: 'ES256',
        use: 'sig',
      }));
    },
  };
}

function toRing(records: readonly SigningKeyRecord[], now: number): Ring {
  const good = records.filter(({ retiresAt }) => retiresAt === null || retiresAt > now);
  const keys = new Map(good.map((record) => [record.kid, toKey(record)]));
  const [newest] = good;
  const key = newest && keys.get(newest.kid);
  return { keys, newest: key && { key, createdAt: newest.createdAt } };
}

function toKey({ kid, privateKey: pem }: SigningKeyRecord): SigningKey {
  const privateKey = createPrivateKey(pem);
  return { kid, privateKey, publicKey: createPublicKey(privateKey) };
}
