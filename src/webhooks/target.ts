import { type Pattern, matches } from '../oci/patterns/repository-pattern.ts';

/** Name of the consumer of events that records messages. */
export const webhookConsumerName = 'webhooks';

/** What a target can be told about. */
export const categories = ['push', 'tag', 'pull', 'delete', 'mount', 'quota', 'fill', 'login', 'retention'] as const;
export type Category = (typeof categories)[number];

/** The categories that the format of CNCF Distribution can express. */
export const distributionCategories: readonly Category[] = ['push', 'tag', 'pull', 'delete', 'mount'];

export type Format = 'cloudevents' | 'distribution';

/** A receiver of messages, as the configuration has it. */
export interface Target {
  /** Names it in the metadata store, in metrics, in log lines and in the API. */
  readonly name: string;
  /** May contain a secret: only its host is shown. */
  readonly url: URL;
  readonly format: Format;
  readonly events: ReadonlySet<Category>;
  readonly repositories: RepositoryChoice;
  readonly isSigned: boolean;
  /** Returns the key that signs messages; undefined: they are not signed. Rejects if its file cannot be read. */
  readonly secret: () => Promise<string | undefined>;
  /** True: messages also have a signature of the body alone. */
  readonly signsBody: boolean;
  /** Names and values; the values may be secrets. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly timeoutSeconds: number;
  /** True if the URL may lead to a private address; never to a link-local one. */
  readonly allowsPrivateAddress: boolean;
  /** PEM. */
  readonly ca: string | undefined;
}

/** The repositories whose messages a target gets. */
export interface RepositoryChoice {
  /** None: all repositories. */
  readonly included: readonly Pattern[];
  readonly excluded: readonly Pattern[];
}

/** True if the target gets messages about the repository. Messages about no repository ('') have no repository to leave out. */
export function isChosen({ included, excluded }: RepositoryChoice, repository: string): boolean {
  if (repository === '') return true;
  if (excluded.some((pattern) => matches(pattern, repository))) return false;
  return included.length === 0 || included.some((pattern) => matches(pattern, repository));
}
