/** Options of which each may be left out, or be undefined. */
export type Partly<T> = { readonly [K in keyof T]?: T[K] | undefined };
