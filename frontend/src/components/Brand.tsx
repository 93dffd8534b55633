/** Brand: the mark and the name. */
export function Brand() {
  return (
    <>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="#0072b2" />
        <path
          d="M6 20.5c3.3 0 3.3-9 6.6-9s3.3 9 6.7 9 3.4-9 6.7-9"
          fill="none"
          stroke="#fff"
          strokeWidth="2.6"
          strokeLinecap="round"
        />
        <circle cx="26" cy="11.5" r="2.6" fill="#e69f00" />
      </svg>
      Aether
    </>
  );
}
