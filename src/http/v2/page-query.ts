import { OciError } from '../../oci/errors.ts';
import { type RequestContext, setLink } from './request-context.ts';

/** Parses `n`, limited to `largest`. Numbers of up to 30 digits, such as 10^18, mean a large page. */
export function pageSize(query: URLSearchParams, largest: number): number {
  const text = query.get('n');
  if (text === null) return largest;
  if (!/^\d{1,30}$/.test(text)) throw badQuery('n', text, 'a number of items');
  return Math.min(Number(text), largest);
}

/** Parses `last`, the end of the previous page. It need not exist. */
export function after(query: URLSearchParams): string {
  const text = query.get('last') ?? '';
  if (!/^[\x21-\x7e]{0,255}$/.test(text)) throw badQuery('last', text, 'a name from the previous page');
  return text;
}

function badQuery(name: string, value: string, meaning: string): OciError {
  return new OciError('UNSUPPORTED', {
    status: 400,
    message: `${name} is not ${meaning}`,
    detail: { [name]: value.slice(0, 200) },
  });
}

/** Sets `Link` to the next page at this server, under the path that the client used. */
export function linkMirrored(context: RequestContext, next: URLSearchParams | undefined): void {
  if (!next) return;
  const namespace = context.query.get('ns');
  setLink(context, context.path, { ...Object.fromEntries(next), ...(namespace === null ? {} : { ns: namespace }) });
}
