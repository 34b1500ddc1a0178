import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { ContentToCheck } from '../../../storage/metadata/queries/verification/checks.ts';
import type { CorruptionProblem } from '../../../storage/metadata/queries/verification/corrupt.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import { type AffectedImages, findAffectedImages, nameImages } from './affected-images.ts';
import { type Depth, type Outcome, type Pace, checkContent } from './check-content.ts';
import { samplePoints } from './sample-points.ts';

/**
 * Reads stored content and compares it with its digest. Content that is wrong in two separate reads goes into quarantine: it is
 * not served until its right bytes are there again. Failures of the store are no corruption.
 */
export interface Verifier {
  /**
   * Checks the contents and records the results. Rejects `WrongStore`, with the reason of the signal when it is
   * aborted, and when the metadata store fails.
   */
  check(contents: readonly ContentToCheck[], depth: Depth, pace: Pace): Promise<CheckResult>;
}

export interface CheckResult {
  /** Number of contents that were looked at, and the bytes that they should have. */
  readonly checked: number;
  readonly bytes: number;
  readonly corrupt: readonly CorruptFinding[];
  readonly unreadable: readonly UnreadableFinding[];
  /** Content that was in quarantine, and whose bytes are right again. */
  readonly repaired: readonly Digest[];
}

export interface CorruptFinding extends AffectedImages {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly problem: CorruptionProblem;
  /** False if it was in quarantine before. */
  readonly isNew: boolean;
}

export interface UnreadableFinding {
  readonly digest: Digest;
  readonly error: unknown;
}

/** Most of the content is missing: the store is another one, or is not mounted. Nothing more is put into quarantine. */
export class WrongStore extends Error {
  override readonly name = 'WrongStore';

  constructor(missing: number, samples: number) {
    super(
      `${missing} of ${samples} blobs are missing from the blob store: check that it is mounted and that it is the right one. ` +
        'Nothing more is put into quarantine; berth verify --orphans compares the store with the records',
    );
  }
}

export interface VerifierOptions {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'affectedImages' | 'contentChecks' | 'corruptContent'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Time between two looks at missing bytes. Longer than they can be away for good reasons: the trash gives recorded bytes that it
 * has taken their place again after two seconds.
 */
const missingMilliseconds = 4_000;
/** So many missing contents in succession may mean that the store is another one; a look at so many others shows it. */
const maxMissingInARow = 20;
const samples = 32;
/**
 * Contents that are looked at at once: a remote store answers after some milliseconds, and a disk reads one file after the
 * other.
 */
const atOnce: Readonly<Record<Depth, { readonly local: number; readonly remote: number }>> = {
  quick: { local: 8, remote: 32 },
  deep: { local: 1, remote: 4 },
};

interface Checked {
  readonly content: ContentToCheck;
  readonly outcome: Outcome;
}

const isMissing = ({ outcome }: Checked) => outcome.state === 'corrupt' && outcome.problem === 'missing';

export function createVerifier({ driver, metadata, now, pause }: VerifierOptions): Verifier {
  let missingInARow = 0;

  async function look(contents: readonly ContentToCheck[], depth: Depth, pace: Pace): Promise<readonly Checked[]> {
    const size = driver.capabilities.remote ? atOnce[depth].remote : atOnce[depth].local;
    const checked: Checked[] = [];
    for (let first = 0; first < contents.length; first += size) {
      const looks = contents.slice(first, first + size).map(async (content) => {
        return { content, outcome: await checkContent(driver, content, depth, pace) };
      });
      checked.push(...(await Promise.all(looks)));
    }
    return checked;
  }

  /** Looks a second time at what was wrong at first. Content that was deleted meanwhile is left out. */
  async function lookAgain(suspects: readonly Checked[], depth: Depth, pace: Pace): Promise<readonly Checked[]> {
    if (suspects.length === 0) return [];
    if (suspects.some(isMissing)) await pause(missingMilliseconds, pace.signal);
    const rows = await metadata.contentChecks.findAll(suspects.map(({ content }) => content.digest));
    return look(rows, depth, pace);
  }

  /** Counts missing content over all calls. Rejects `WrongStore` if content elsewhere is missing, too. */
  async function countMissing(checked: readonly Checked[], pace: Pace): Promise<void> {
    for (const one of checked) {
      missingInARow = isMissing(one) ? missingInARow + 1 : 0;
      if (missingInARow < maxMissingInARow) continue;
      missingInARow = 0;
      await refuseWrongStore(pace);
    }
  }

  async function refuseWrongStore(pace: Pace): Promise<void> {
    const contents: ContentToCheck[] = [];
    for (const point of samplePoints(samples)) contents.push(...(await metadata.contentChecks.list(point as Digest, 1)));
    const missing = (await look(contents, 'quick', pace)).filter(isMissing).length;
    if (missing > contents.length / 2) throw new WrongStore(missing, contents.length);
  }

  async function quarantine({ content, outcome }: Checked): Promise<CorruptFinding | undefined> {
    if (outcome.state !== 'corrupt') return undefined;
    const { digest, sizeBytes } = content;
    const { problem } = outcome;
    const affected = await findAffectedImages({ driver, metadata }, digest);
    const detail = JSON.stringify({ problem, images: nameImages(affected.images), more: affected.more });
    const result = await metadata.corruptContent.quarantine({ content, problem, now: now(), detail });
    return result === 'gone' ? undefined : { digest, sizeBytes, problem, isNew: result === 'new', ...affected };
  }

  /** Records content that is right. What was in quarantine leaves it; returns that. */
  async function record(right: readonly ContentToCheck[], depth: Depth): Promise<readonly Digest[]> {
    const digests = right.map(({ digest }) => digest);
    const repaired: Digest[] = [];
    for (const { digest, problem } of await metadata.corruptContent.findAll(digests)) {
      // Only a comparison of all bytes shows that a wrong digest is right again.
      if (depth === 'quick' && problem === 'wrong_digest') continue;
      if (await metadata.corruptContent.release(digest, now(), depth === 'deep' ? now() : 0)) repaired.push(digest);
    }
    if (depth === 'deep') await metadata.contentChecks.record(digests, now());
    return repaired;
  }

  return {
    async check(contents, depth, pace) {
      const first = await look(contents, depth, pace);
      const isSuspect = ({ outcome }: Checked) => outcome.state === 'corrupt';
      await countMissing(first, pace);
      const second = await lookAgain(first.filter(isSuspect), depth, pace);
      const final = [...first.filter((one) => !isSuspect(one)), ...second];
      const right = final.filter(({ outcome }) => outcome.state === 'right').map(({ content }) => content);
      const repaired = await record(right, depth);
      const corrupt: CorruptFinding[] = [];
      for (const one of final) {
        const finding = await quarantine(one);
        if (finding) corrupt.push(finding);
      }
      return {
        checked: contents.length,
        bytes: contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        corrupt,
        unreadable: final.flatMap(({ content: { digest }, outcome }) =>
          outcome.state === 'unreadable' ? [{ digest, error: outcome.error }] : [],
        ),
        repaired,
      };
    },
  };
}
