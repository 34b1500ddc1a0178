import { createHash } from 'node:crypto';
import type { ContentOfEvent, RegistryEvent } from '../../storage/metadata/queries/events.ts';
import type { TagMove } from '../../storage/metadata/queries/steps/events.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';
import type { Category, Target } from './target.ts';

/** What happened, as a receiver reads it: the end of the type in CloudEvents. */
export type MessageType =
  | 'image.push'
  | 'image.tag'
  | 'image.pull'
  | 'image.delete'
  | 'tag.delete'
  | 'blob.mount'
  | 'blob.delete'
  | 'quota.exceeded'
  | 'fill.failed'
  | 'login.refused'
  | 'retention.run'
  | 'webhook.test';

/** A message for one target or several, without its id. It is stored as JSON and never holds a secret of berth. */
export interface Message {
  readonly type: MessageType;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** '': it is about no repository. */
  readonly repository: RepositoryName | '';
  /** What it is about if not about a repository: an account, an upstream. */
  readonly subject: string;
  /** Name of the account; '' for a client without a login. */
  readonly actor: string;
  /** Network address of the client, or ''. */
  readonly address: string;
  readonly requestId: string | null;
  readonly digest?: Digest | undefined;
  readonly tags: readonly TagMove[];
  /** Of the manifest, if it was still there when the message was made. */
  readonly mediaType?: string | undefined;
  readonly sizeBytes?: number | undefined;
  /** What the other fields do not hold. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface IdentifiedMessage {
  /** The same for the same message, whichever process makes it. */
  readonly id: string;
  readonly message: Message;
}

const pushes: ReadonlySet<string> = new Set(['manifest.push', 'manifest.restore', 'tag.restore']);

const deletions: Readonly<Record<string, MessageType>> = {
  'manifest.delete': 'image.delete',
  'tag.delete': 'tag.delete',
  'blob.delete': 'blob.delete',
};

/** Events that are about no content, by their kinds. */
const others: Readonly<Record<string, { readonly category: Category; readonly type: MessageType }>> = {
  'quota.exceeded': { category: 'quota', type: 'quota.exceeded' },
  'fill.failed': { category: 'fill', type: 'fill.failed' },
  'retention.run': { category: 'retention', type: 'retention.run' },
};

/** Returns the messages that the event makes for the target; none if the target does not want them. */
export function messagesOf(
  event: RegistryEvent,
  { events, format }: Pick<Target, 'events' | 'format'>,
): readonly IdentifiedMessage[] {
  const { kind, content } = event;
  if (content && pushes.has(kind)) {
    // An envelope of Distribution has an event for each tag already.
    const isTold = events.has('push') && kind !== 'tag.restore';
    const hasEachTag = events.has('tag') && !(format === 'distribution' && isTold);
    const ofTags =
      hasEachTag || (events.has('push') && !isTold) ? content.tags.map((tag) => toTagMessage(event, content, tag)) : [];
    return isTold ? [toMessage(event, 'image.push'), ...ofTags] : ofTags;
  }
  const deletion = deletions[kind];
  if (deletion !== undefined) return events.has('delete') ? [toMessage(event, deletion)] : [];
  if (kind === 'blob.mount') return events.has('mount') ? [toMessage(event, 'blob.mount')] : [];
  if (kind === 'login') return events.has('login') && event.result === 'refused' ? [toMessage(event, 'login.refused')] : [];
  const other = others[kind];
  return other && events.has(other.category) ? [toMessage(event, other.type)] : [];
}

function toTagMessage(event: RegistryEvent, content: ContentOfEvent, tag: TagMove): IdentifiedMessage {
  return toMessage({ ...event, content: { ...content, tags: [tag] } }, 'image.tag');
}

/** Kinds of events without content whose target is a repository. */
const aboutRepositories: ReadonlySet<string> = new Set(['quota.exceeded', 'fill.failed']);

function toMessage(event: RegistryEvent, type: MessageType): IdentifiedMessage {
  const { at, kind, actor, address, target, requestId, content, detail } = event;
  const repository = content?.repository ?? (aboutRepositories.has(kind) ? (target as RepositoryName) : '');
  const details = Object.entries(detail === null ? {} : (JSON.parse(detail) as Record<string, unknown>));
  const message: Message = {
    type,
    at,
    repository,
    actor,
    address,
    requestId,
    subject: repository === '' ? target : '',
    digest: content?.digest,
    tags: content?.tags ?? [],
    detail: Object.fromEntries(details.filter(([name]) => name !== 'tags')),
  };
  return { id: idOf(event, type, type === 'image.tag' ? (content?.tags[0]?.name ?? '') : ''), message };
}

/** Returns a UUID (RFC 9562, version 8) of what makes the message different from all others, also after a restore of a backup. */
function idOf({ id, at, kind, target, requestId }: RegistryEvent, type: MessageType, tag: string): string {
  const bytes = createHash('sha256')
    .update(JSON.stringify([id, at, kind, target, requestId, type, tag]))
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
