import { LRUCache } from 'lru-cache';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Reference } from '../../oci/reference.ts';
import type { AnonymousView } from './anonymous-view.ts';
import type { MirrorEvents } from '../events/mirror-events.ts';
import { toMirroredRepository } from '../names/repository-ref.ts';
import { withTimeout } from '../../coordination/timeout.ts';
import type { MirroredRepository } from '../names/routing.ts';
import { createSingleFlight } from '../../coordination/single-flight.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';

/**
 * Which mirrored repositories everybody may read at their upstreams. What berth reads by a login of its own may be for
 * few: it is for everybody only while a client without a login could read it, too. Where that is not known it is not so.
 */
export interface UpstreamVisibility {
  /**
   * Asks the upstream where no process did so within `believedSeconds`. `reference`: what the client would like to read,
   * of which nothing but its presence is asked. The last answer counts while the upstream cannot be asked.
   */
  isPublic(source: MirroredRepository, reference: Reference | undefined): Promise<boolean>;
  /** The same of what lies here, without asking. True where nothing of it came by a login, as in what was pushed. */
  isKnownPublic(repository: string): Promise<boolean>;
  /** Those of `names` that are not known to be public. */
  hidden(names: readonly string[]): Promise<ReadonlySet<string>>;
}

export interface UpstreamVisibilityOptions {
  readonly metadata: MetadataStore;
  readonly view: AnonymousView;
  readonly now: () => number;
  /** How long an answer is believed. */
  readonly believedSeconds: number;
  /** How long a client waits for the upstream where there is an older answer. */
  readonly maxWaitSeconds: number;
  readonly events: Pick<MirrorEvents, 'visibilityNotRecorded'>;
}

interface Answer {
  readonly isPublic: boolean;
  /** Milliseconds since 1970. */
  readonly until: number;
  /** Digest of a manifest that everybody could read. */
  readonly proof: string | undefined;
}

const maxAnswers = 20_000;
/** How long an upstream is left alone that could not be asked, or does not have what was asked for. */
const pauseSeconds = 30;

export function createUpstreamVisibility(options: UpstreamVisibilityOptions): UpstreamVisibility {
  const { metadata, view, now, believedSeconds, maxWaitSeconds, events } = options;
  /** Of repositories of which something came, or would come, by a login. */
  const answers = new LRUCache<string, Answer>({ max: maxAnswers });
  /** Until when nothing is asked about these: it is not there, which says nothing of the repository. */
  const absent = new LRUCache<string, number>({ max: maxAnswers });
  const attempts = createSingleFlight<'public' | 'private' | 'absent'>();
  const outOfOrder = (seconds: number) => now() + seconds * 1000;
  const pause = () => outOfOrder(Math.min(pauseSeconds, believedSeconds));

  /** What is recorded; undefined where nothing came by a login. */
  async function recorded(repository: string): Promise<Answer | undefined> {
    const record = await metadata.mirroredRepositories.findVisibility(repository);
    if (record?.byLogin !== 1) return undefined;
    const { isPublic, checkedAt, proof } = record;
    const until = isPublic === null ? 0 : checkedAt + believedSeconds * 1000;
    return { isPublic: isPublic === 1, until, proof: proof ?? undefined };
  }

  async function note(source: MirroredRepository, isPublic: boolean, proof: string | undefined): Promise<void> {
    answers.set(source.repository, { isPublic, until: outOfOrder(believedSeconds), proof });
    const fact = { isPublic, proof: proof ?? null, now: now() };
    await metadata.mirroredRepositories.recordVisibility(toMirroredRepository(source), fact).catch(events.visibilityNotRecorded);
  }

  /** What can be read shows the repository, a refusal hides it; that something is not there says nothing. */
  function attempt(source: MirroredRepository, reference: string): Promise<'public' | 'private' | 'absent'> {
    return attempts.run(`${source.repository} ${reference}`, async () => {
      try {
        await note(source, true, await view.digestOf(source, reference));
        return 'public';
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        if (error.code === 'not_found') return 'absent';
        if (error.code !== 'denied') throw error;
        await note(source, false, undefined);
        return 'private';
      }
    });
  }

  /** What everybody could read before comes first: who asks for something else cannot choose what decides for others. */
  async function ask(source: MirroredRepository, asked: string | undefined, proof: string | undefined): Promise<boolean> {
    const found = proof === undefined ? 'absent' : await attempt(source, proof);
    if (found !== 'absent') return found === 'public';
    const key = `${source.repository} ${asked ?? ''}`;
    if (now() < (absent.get(key) ?? 0)) return false;
    const reference = asked ?? (await firstTag(source));
    const result = reference === undefined ? 'absent' : await attempt(source, reference);
    if (result === 'absent') absent.set(key, pause());
    return result === 'public';
  }

  /** Some registries show everybody images, and no listings. */
  async function firstTag(source: MirroredRepository): Promise<string | undefined> {
    try {
      return await view.firstTag(source);
    } catch (error) {
      if (error instanceof UpstreamError && ['not_found', 'denied'].includes(error.code)) return undefined;
      throw error;
    }
  }

  async function askOrLast(source: MirroredRepository, asked: string | undefined, last: Answer | undefined): Promise<boolean> {
    const { isPublic = false, proof } = last ?? {};
    try {
      const answer = ask(source, asked, proof);
      const inTime = isPublic ? await withTimeout(answer, maxWaitSeconds) : await answer;
      if (inTime !== undefined) return inTime;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
    }
    if (last) answers.set(source.repository, { ...last, until: pause() });
    return isPublic;
  }

  return {
    async isPublic(source, reference) {
      const { repository } = source;
      const held = answers.get(repository);
      if (held && now() < held.until) return held.isPublic;
      const last = await recorded(repository);
      if (!last && !toMirroredRepository(source).byLogin) return true;
      if (last && now() < last.until) {
        answers.set(repository, last);
        return last.isPublic;
      }
      return askOrLast(source, reference?.tag ?? reference?.digest, last ?? held);
    },

    async isKnownPublic(repository) {
      const last = await recorded(repository);
      return last === undefined || (last.isPublic && now() < last.until);
    },

    hidden: async (names) => new Set(await metadata.mirroredRepositories.listHidden(names, now() - believedSeconds * 1000)),
  };
}
