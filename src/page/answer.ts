/** Of `status`, for the process that makes the page: not told in its help. */
export const PAGE_OF = '--page-of';

/** What that process prints as JSON: its headers belong to its markup, also where another version has started it. */
export interface PageAnswer {
  headers: Record<string, string>;
  body: string;
}
