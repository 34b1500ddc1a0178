/** A browser of the web page: keeps the cookies of one host and sends the origin of its forms. */
export interface Visitor {
  /** Cookies by name, with their attributes. */
  readonly cookies: Map<string, string>;
  /** Attributes of each cookie, as they were sent last. */
  readonly attributes: Map<string, string>;
  /** One request; redirects are not followed. */
  get(path: string): Promise<Visit>;
  post(
    path: string,
    form: Readonly<Record<string, string>> | URLSearchParams | FormData,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Visit>;
}

export interface Visit {
  readonly status: number;
  readonly location: string;
  readonly text: string;
  header(name: string): string | null;
}

export function newVisitor(server: { readonly url: string }): Visitor {
  const cookies = new Map<string, string>();
  const attributes = new Map<string, string>();

  async function visit(path: string, given: Readonly<Record<string, string>>, form?: URLSearchParams | FormData): Promise<Visit> {
    const url = new URL(path, server.url);
    const isOurs = url.origin === server.url;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { Accept: 'text/html', ...(isOurs && cookie !== '' ? { Cookie: cookie } : {}), ...given };
    const sent = form ? { method: 'POST', body: form } : {};
    const response = await fetch(url, { ...sent, headers, redirect: 'manual' });
    for (const line of isOurs ? response.headers.getSetCookie() : []) keep(line);
    const location = response.headers.get('location') ?? '';
    return { status: response.status, location, header: (name) => response.headers.get(name), text: await response.text() };
  }

  function keep(line: string): void {
    const [, name = '', value = '', rest = ''] = /^([^=]+)=([^;]*);?(.*)$/.exec(line) ?? [];
    attributes.set(name, rest.trim());
    if (rest.includes('Max-Age=0')) cookies.delete(name);
    else cookies.set(name, value);
  }

  return {
    cookies,
    attributes,
    get: (path) => visit(path, {}),
    post: (path, form, headers = {}) =>
      visit(path, { Origin: server.url, ...headers }, form instanceof FormData ? form : new URLSearchParams(form)),
  };
}
