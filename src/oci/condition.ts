/**
 * A condition on the entity tag of a resource (RFC 9110, section 13.1). The entity tag of a manifest or blob is its digest in
 * quotes.
 */
export interface Condition {
  /** `If-Match`: the current entity tag must be one of these; `*`: there must be one. */
  readonly match: readonly string[] | undefined;
  /** `If-None-Match`: the current entity tag must be none of these; `*`: there must be none. */
  readonly noneMatch: readonly string[] | undefined;
}

/** Headers of a request that make a condition. */
interface ConditionHeaders {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
}

/** Reads the condition of a request. Returns undefined for a request without one. */
export function conditionOf(headers: ConditionHeaders): Condition | undefined {
  const match = entityTags(headers['if-match']);
  const noneMatch = entityTags(headers['if-none-match']);
  return match || noneMatch ? { match, noneMatch } : undefined;
}

/** Returns the entity tag of a manifest or blob. */
export function etagOf(digest: string): string {
  return `"${digest}"`;
}

/** True if both parts of the condition hold for the entity tag; undefined: the resource does not exist. */
export function holds(condition: Condition, etag: string | undefined): boolean {
  return isExpected(condition, etag) && !isKnown(condition, etag);
}

/** True if `If-Match` holds. Entity tags are compared strongly. */
export function isExpected({ match }: Condition, etag: string | undefined): boolean {
  return match === undefined || isOneOf(match, etag);
}

/** True if `If-None-Match` names the entity tag: the client has the content. Entity tags are compared weakly. */
export function isKnown({ noneMatch }: Condition, etag: string | undefined): boolean {
  return (
    noneMatch !== undefined &&
    isOneOf(
      noneMatch.map((tag) => tag.replace(/^W\//, '')),
      etag,
    )
  );
}

function isOneOf(tags: readonly string[], etag: string | undefined): boolean {
  return etag !== undefined && (tags.includes('*') || tags.includes(etag));
}

/** Returns the entity tags of a header. Those of berth have no commas. */
function entityTags(header: string | undefined): readonly string[] | undefined {
  return header?.split(',').map((tag) => tag.trim());
}
