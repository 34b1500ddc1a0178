/** Returns a time (milliseconds since 1970) as the API writes it (RFC 3339); null for none. */
export function toDateTime(milliseconds: number): string;
export function toDateTime(milliseconds: number | null | undefined): string | null;
export function toDateTime(milliseconds: number | null | undefined): string | null {
  return typeof milliseconds === 'number' ? new Date(milliseconds).toISOString() : null;
}
