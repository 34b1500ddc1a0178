import { setTimeout as delay } from 'node:timers/promises';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';
import { parseDigest } from '../../oci/digest.ts';
import type { AuditPosition } from '../../../storage/metadata/queries/collection/audit.ts';

/**
 * Looks through the rows of all content, page by page, for what nothing needs and no review will find. Reads and writes
 * rows only. The first audit finds what was left before garbage collection ran online; a later one should find nothing.
 */
export interface Auditor {
  /** Continues the audit of the installation by some pages, and begins a new one a week after the last. */
  proceed(signal?: AbortSignal): Promise<Audited>;
  /** Audits everything from the beginning. `onPage`: called with the part of the work that is done, from 0 to 1. */
  run(onPage: (part: number) => void, signal?: AbortSignal): Promise<Audited>;
  /** Audits for at most `seconds`, from the position `after` on; '' is the beginning. `next` is undefined at the end. */
  runPart(after: string, seconds: number): Promise<Audited & { readonly next: string | undefined }>;
}

export interface Audited {
  /** Rows that were looked at. */
  readonly rows: number;
  /** Reviews that had to be written. What an unfinished first audit finds is not counted. */
  readonly missed: number;
}

export interface AuditorOptions {
  readonly metadata: Pick<MetadataStore, 'collectionAudit' | 'collectionState'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** One transaction looks at so many rows. */
const pageRows = 500;
const pagesPerRun = 20;
const pauseMilliseconds = 20;
const intervalMilliseconds = 7 * 24 * 3_600_000;

const start: AuditPosition = { part: 'links', repositoryId: 0, digest: '' };

export function createAuditor({ metadata, now }: AuditorOptions): Auditor {
  const rest = (signal: AbortSignal | undefined) => delay(pauseMilliseconds, undefined, { signal }).catch(() => undefined);

  async function proceed(signal: AbortSignal | undefined): Promise<Audited> {
    let total: Audited = { rows: 0, missed: 0 };
    for (let page = 0; page < pagesPerRun && signal?.aborted !== true; page++) {
      const { pausedAt, blockedBy, auditedAt } = await metadata.collectionState.find();
      const position = await metadata.collectionAudit.position();
      const isDue = auditedAt === null || now() - auditedAt > intervalMilliseconds;
      if (pausedAt !== null || blockedBy !== null || (isStart(position) && !isDue)) break;
      const { rows, missed, next } = await metadata.collectionAudit.audit(position, pageRows, now());
      await metadata.collectionAudit.store(position, next ?? start, next ? null : now());
      total = { rows: total.rows + rows, missed: total.missed + (auditedAt === null ? 0 : missed) };
      await rest(signal);
    }
    return total;
  }

  return {
    async proceed(signal) {
      try {
        return await proceed(signal);
      } catch (error) {
        // The installation is being transferred: its content must not change.
        if (error instanceof MetadataError && error.code === 'read_only') return { rows: 0, missed: 0 };
        throw error;
      }
    },
    async run(onPage, signal) {
      const expected = Math.max(1, await metadata.collectionAudit.estimateRows());
      let total: Audited = { rows: 0, missed: 0 };
      for (let position: AuditPosition | undefined = start; position && signal?.aborted !== true;) {
        const { rows, missed, next } = await metadata.collectionAudit.audit(position, pageRows, now());
        total = { rows: total.rows + rows, missed: total.missed + missed };
        onPage(Math.min(1, total.rows / expected));
        position = next;
        await rest(signal);
      }
      return total;
    },
    async runPart(after, seconds) {
      const end = performance.now() + seconds * 1000;
      let total: Audited = { rows: 0, missed: 0 };
      let position: AuditPosition | undefined = parsePosition(after);
      while (position && performance.now() < end) {
        const { rows, missed, next } = await metadata.collectionAudit.audit(position, pageRows, now());
        total = { rows: total.rows + rows, missed: total.missed + missed };
        position = next;
        await rest(undefined);
      }
      return { ...total, next: position && [position.part, position.repositoryId, position.digest].join(' ') };
    },
  };
}

/** Parses a `next` of `runPart`. Everything else is the beginning. */
function parsePosition(text: string): AuditPosition {
  const [part, repositoryId, digest = ''] = text.split(' ');
  if (part !== 'links' && part !== 'blobs' && part !== 'manifests') return start;
  return { part, repositoryId: Number(repositoryId) || 0, digest: parseDigest(digest) ?? '' };
}

function isStart({ part, repositoryId, digest }: AuditPosition): boolean {
  return part === 'links' && repositoryId === 0 && digest === '';
}
