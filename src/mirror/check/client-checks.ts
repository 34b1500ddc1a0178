import { randomBytes } from 'node:crypto';
import type { CheckRecord, CheckUse } from '../../../storage/metadata/queries/mirror/checks.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { OciError } from '../../oci/errors.ts';
import { type CheckContent, type CheckImage, createCheckImage } from './check-image.ts';

/**
 * One-time images `berth-check/CODE`, which show people that their client pulls through this server: it answers for them
 * itself, under every name that the client may use, and asks no upstream.
 */
export interface ClientChecks {
  /** Makes a code for the visitor; it expires after 15 minutes. Throws TOOMANYREQUESTS if the visitor has 20. */
  begin(owner: string): Promise<NewCheck>;
  /** Finds a code of the visitor; undefined if it has expired, or is another visitor's. */
  find(code: string, owner: string): Promise<CheckRecord | undefined>;
  /** Returns the manifest, and records the first pull by its tag. Undefined for an unknown code, tag or digest. */
  manifest(code: string, reference: string, use: CheckUse): Promise<CheckContent | undefined>;
  blob(digest: string): CheckContent | undefined;
}

export interface NewCheck {
  readonly code: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

const lifetimeMs = 15 * 60_000;
/** In mode open all visitors share them. */
const maxCodes = 20;
const maxOpenCodes = 1000;

const namePattern = /(?:^|\/)berth-check\/([0-9a-f]{20})$/;

/** Returns the code in the name of a repository; undefined for every other name. */
export function codeIn(name: string): string | undefined {
  return name.includes('berth-check/') ? namePattern.exec(name)?.[1] : undefined;
}

export function createClientChecks({ clientChecks }: Pick<MetadataStore, 'clientChecks'>, now: () => number): ClientChecks {
  let made: CheckImage | undefined;
  const image = () => (made ??= createCheckImage());

  return {
    async begin(owner) {
      const code = randomBytes(10).toString('hex');
      const expiresAt = now() + lifetimeMs;
      if (await clientChecks.add(code, owner, expiresAt, now(), owner === '' ? maxOpenCodes : maxCodes))
        return { code, expiresAt };
      throw new OciError('TOOMANYREQUESTS', { message: 'too many tests have begun: the oldest end after 15 minutes' });
    },
    find: (code, owner) => clientChecks.find(code, owner, now()),
    async manifest(code, reference, use) {
      const digest = reference === 'latest' ? image().index : reference;
      const found = image().manifests.get(digest);
      if (!found || !(await clientChecks.isValid(code, now()))) return undefined;
      if (reference === 'latest') await clientChecks.use(code, use, now());
      return found;
    },
    blob: (digest) => image().blobs.get(digest),
  };
}
