import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Reference, RepositoryName } from '../../oci/reference.ts';
import type { AnonymousView } from './anonymous-view.ts';
import type { MirrorEvents } from '../events/mirror-events.ts';
import { toMirroredRepository } from '../names/repository-ref.ts';
import type { MirroredRepository } from '../names/routing.ts';
import { createSingleFlight } from '../../coordination/single-flight.ts';
import type { UpstreamWaits } from '../remote/upstream-waits.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import { createLru } from '../../coordination/lru.ts';
import type { Digest } from '../../oci/digest.ts';
import { isBefore } from '../../coordination/recent.ts';

/**
 * Knows which mirrored repositories are public at their upstreams. A repository that berth reads by a login is public only
 * while a client without a login can read it too; an unknown one is private.
 */
export interface UpstreamVisibility {
  /**
   * Asks the upstream where no process did so within `believedSeconds`. `reference`: what the client would like to read,
   * whose existence alone is checked. The last answer counts while the upstream cannot be asked.
   */
  isPublic(source: MirroredRepository, reference: Reference | undefined): Promise<boolean>;
  /** The same from the record alone. True if none of its content was read by a login, as in a pushed repository. */
  isKnownPublic(repository: RepositoryName): Promise<boolean>;
  /** Those of `names` that are not known to be public. */
  hidden(names: readonly RepositoryName[]): Promise<ReadonlySet<string>>;
}

export interface UpstreamVisibilityOptions {
  readonly metadata: MetadataStore;
  readonly view: AnonymousView;
  readonly now: () => number;
  /** How long an answer is believed. */
  readonly believedSeconds: number;
  /** Bounds how long a client waits for the upstream where its last answer was "public". */
  readonly waits: UpstreamWaits;
  readonly events: Pick<MirrorEvents, 'visibilityNotRecorded'>;
}

interface Answer {
  readonly isPublic: boolean;
  /** Milliseconds since 1970. */
  readonly until: number;
  /** Digest of a manifest that was readable without a login. */
  readonly proof: Digest | undefined;
}

const maxAnswers = 20_000;
/** Pause before an upstream that did not answer, or does not have the content, is asked again. */
const pauseSeconds = 30;

export function createUpstreamVisibility(options: UpstreamVisibilityOptions): UpstreamVisibility {
  const { metadata, view, now, believedSeconds, waits, events } = options;
  /** Answers for repositories that berth reads by a login. */
  const answers = createLru<Answer>(maxAnswers);
  /** The end of the pause for missing content: its absence does not show whether the repository is public. */
  const absent = createLru<number>(maxAnswers);
  const attempts = createSingleFlight<'public' | 'private' | 'absent'>();
  const inSeconds = (seconds: number) => now() + seconds * 1000;
  const pause = () => inSeconds(Math.min(pauseSeconds, believedSeconds));
  const isBelieved = ({ until }: Answer) => isBefore(until, believedSeconds * 1000, now());

  /** Returns the recorded answer; undefined if no content was read by a login. */
  async function recorded(repository: RepositoryName): Promise<Answer | undefined> {
    const record = await metadata.mirroredRepositories.findVisibility(repository);
    if (!record?.byLogin) return undefined;
    const { isPublic, checkedAt, proof } = record;
    const until = isPublic === null ? 0 : checkedAt + believedSeconds * 1000;
    return { isPublic: isPublic === true, until, proof: proof ?? undefined };
  }

  async function note(source: MirroredRepository, isPublic: boolean, proof: Digest | undefined): Promise<void> {
    answers.set(source.repository, { isPublic, until: inSeconds(believedSeconds), proof });
    const fact = { isPublic, proof: proof ?? null, now: now() };
    await metadata.mirroredRepositories.recordVisibility(toMirroredRepository(source), fact).catch(events.visibilityNotRecorded);
  }

  /** Reads content without a login: success means public, a refusal private, and a 404 decides nothing. */
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

  /** Tries the former proof first, so that a client cannot choose the content that decides for other clients. */
  async function ask(source: MirroredRepository, asked: string | undefined, proof: Digest | undefined): Promise<boolean> {
    const found = proof === undefined ? 'absent' : await attempt(source, proof);
    if (found !== 'absent') return found === 'public';
    const key = `${source.repository} ${asked ?? ''}`;
    if (isBefore(absent.get(key) ?? 0, pauseSeconds * 1000, now())) return false;
    const reference = asked ?? (await firstTag(source));
    const result = reference === undefined ? 'absent' : await attempt(source, reference);
    if (result === 'absent') absent.set(key, pause());
    return result === 'public';
  }

  /** Returns a tag of the repository; undefined where the registry shows no listing without a login. */
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
      const inTime = isPublic ? await waits.within(source.upstream.name, answer) : await answer;
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
      const cached = answers.get(repository);
      if (cached && isBelieved(cached)) return cached.isPublic;
      const last = await recorded(repository);
      if (!last && !toMirroredRepository(source).byLogin) return true;
      if (last && isBelieved(last)) {
        answers.set(repository, last);
        return last.isPublic;
      }
      return askOrLast(source, reference?.tag ?? reference?.digest, last ?? cached);
    },

    async isKnownPublic(repository) {
      const last = await recorded(repository);
      return last === undefined || (last.isPublic && isBelieved(last));
    },

    hidden: async (names) => new Set(await metadata.mirroredRepositories.listHidden(names, now() - believedSeconds * 1000)),
  };
}
