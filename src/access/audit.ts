import type { AuditEvent } from '../../storage/metadata/queries/audit-steps.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

/** What belongs to no change of rights: logins, pushes, deletions. Those of rights are recorded with the change itself. */
export interface Audit {
  /** Written within a second, in the order of the calls. A process that is killed loses that second. */
  record(event: Omit<AuditEvent, 'at'>): void;
  /** Resolves when everything is written. */
  flush(): Promise<void>;
}

const gatherMilliseconds = 1000;
/** Who guesses passwords must not fill the memory: beyond this events of a second are only counted. */
const mostGathered = 1000;

/** `failed` is told when events could not be written: they are lost. */
export function createAudit(metadata: MetadataStore, now: () => number, failed: (error: unknown) => void): Audit {
  let gathered: AuditEvent[] = [];
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  function write(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const events = dropped > 0 ? [...gathered, droppedEvent(now(), dropped)] : gathered;
    [gathered, dropped] = [[], 0];
    if (events.length > 0) writing = writing.then(() => metadata.recordAudit(events)).catch(failed);
    return writing;
  }

  return {
    record(event) {
      if (gathered.length < mostGathered) gathered.push({ at: now(), ...event });
      else dropped++;
      timer ??= setTimeout(() => void write(), gatherMilliseconds).unref();
    },
    flush: write,
  };
}

function droppedEvent(at: number, count: number): AuditEvent {
  const detail = JSON.stringify({ count });
  return { at, actor: 'berth', address: '', action: 'audit.dropped', target: '', result: 'done', detail };
}
