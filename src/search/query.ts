/** What people type into a search. */

export const kinds = ['image', 'index', 'artifact'] as const;
export const ages = ['day', 'week', 'month', 'year'] as const;

/** A name of a tag, or the beginning of one. */
export interface TagFilter {
  readonly text: string;
  readonly isBeginning: boolean;
}

export interface SearchQuery {
  /** Each must be in the name, the description or a tag. Lower case. */
  readonly words: readonly string[];
  /** A part of the name. */
  readonly name: string | undefined;
  readonly tag: TagFilter | undefined;
  /** The first component of the name. */
  readonly namespace: string | undefined;
  /** A platform of the latest image, or its architecture. */
  readonly platform: string | undefined;
  readonly labels: readonly { readonly key: string; readonly value: string | undefined }[];
  /** The beginning of a digest, with its algorithm. */
  readonly digest: string | undefined;
  readonly kind: (typeof kinds)[number] | undefined;
  readonly isSigned: boolean | undefined;
  /** The longest time since the last push. */
  readonly age: (typeof ages)[number] | undefined;
}

const longestText = 255;
const mostWords = 8;
const keys = ['name', 'tag', 'ns', 'arch', 'label', 'digest', 'kind', 'signed', 'age'] as const;

/**
 * Parses words and `name: tag: ns: arch: label:k=v digest: kind: signed: age:`. Every text is a query: a text without a known
 * key is a word, and `nginx:1.25` is the word nginx with the tag 1.25.
 */
export function parseQuery(text: string): SearchQuery {
  const fields = new Map<string, string>();
  const labels: { key: string; value: string | undefined }[] = [];
  const words: string[] = [];
  for (const token of text.slice(0, longestText).split(/\s+/).filter(Boolean)) {
    const [, key = '', value = ''] = /^([^:]*):(.*)$/.exec(token) ?? [];
    if (key === 'label') labels.push(toLabel(value));
    else if (/^sha(?:256|512)$/.test(key)) fields.set('digest', token);
    else if ((keys as readonly string[]).includes(key)) fields.set(key, value);
    else if (key === '' || value === '') words.push(token.toLowerCase());
    else {
      words.push(key.toLowerCase());
      fields.set('tag', value);
    }
  }
  const digest = fields.get('digest')?.toLowerCase();
  const field = (name: (typeof keys)[number]) => fields.get(name) || undefined;
  return {
    words: words.slice(0, mostWords),
    name: field('name')?.toLowerCase(),
    tag: toTag(field('tag')),
    namespace: field('ns')?.toLowerCase(),
    platform: field('arch')?.toLowerCase(),
    labels: labels.slice(0, mostWords),
    digest: digest === undefined || digest === '' || /^sha\d+:/.test(digest) ? digest : `sha256:${digest}`,
    kind: kinds.find((kind) => kind === field('kind')),
    isSigned: field('signed') === undefined ? undefined : ['yes', 'true'].includes(field('signed') ?? ''),
    age: ages.find((age) => age === field('age')),
  };
}

function toTag(text: string | undefined): TagFilter | undefined {
  return text === undefined ? undefined : { text: text.replace(/\*$/, ''), isBeginning: text.endsWith('*') };
}

function toLabel(text: string): { key: string; value: string | undefined } {
  const equals = text.indexOf('=');
  return equals < 0 ? { key: text, value: undefined } : { key: text.slice(0, equals), value: text.slice(equals + 1) };
}

/** Returns the query with the word added, or taken away if it is there: for the links of facets. */
export function toggled(text: string, word: string): string {
  const tokens = text.split(/\s+/).filter(Boolean);
  return (tokens.includes(word) ? tokens.filter((token) => token !== word) : [...tokens, word]).join(' ');
}
