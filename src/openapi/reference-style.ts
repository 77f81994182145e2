/** Of the page at `/docs`. Changing it changes the hash in the page's policy. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#17202a;--quiet:#56616d;--line:#dde2e8;--soft:#f4f6f8;--link:#0b57b0;--get:#0b6b3a;--post:#0b57b0;--put:#8a5300;--patch:#8a5300;--delete:#a5202a}
@media(prefers-color-scheme:dark){:root{--bg:#12161b;--fg:#e4e9ee;--quiet:#9aa6b2;--line:#2b333c;--soft:#1a2027;--link:#7fb6ff;--get:#6fd39b;--post:#7fb6ff;--put:#f0b35a;--patch:#f0b35a;--delete:#ff8f97}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif;display:grid;grid-template-columns:18rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1.5rem 1rem;border-right:1px solid var(--line);font-size:.875rem}
nav p{margin:1rem 0 .25rem;font-weight:600}nav ul{list-style:none;margin:0;padding:0}nav a{display:block;padding:.2rem .25rem;overflow-wrap:anywhere}
.brand{font-size:1.125rem}.brand span,h4 span,.quiet{color:var(--quiet);font-weight:400}
main{padding:2rem clamp(1rem,4vw,3rem) 6rem;max-width:60rem}
h1{font-size:1.75rem;line-height:1.2}h2{font-size:1.375rem;margin:3rem 0 1rem}h3{font-size:1.0625rem;margin:0 0 .5rem;overflow-wrap:anywhere}h4{font-size:.9375rem;margin:1.25rem 0 .5rem}
section{border-top:1px solid var(--line);padding:1.5rem 0;scroll-margin-top:1rem}
a{color:var(--link);text-decoration:none}a:hover,a:focus-visible{text-decoration:underline}:focus-visible{outline:2px solid var(--link);outline-offset:2px}
main p a{text-decoration:underline}
b{font:600 .75rem ui-monospace,monospace;text-transform:uppercase}.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}.patch{color:var(--patch)}.delete{color:var(--delete)}
code{font:.875em ui-monospace,SFMono-Regular,Menlo,monospace}pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.75rem 1rem;overflow:auto;margin:.5rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9375rem}td,th{text-align:left;vertical-align:top;padding:.375rem .75rem .375rem 0;border-bottom:1px solid var(--line)}
summary{cursor:pointer;color:var(--link);font-size:.875rem}
.skip{position:absolute;left:-100rem}.skip:focus{left:1rem;top:1rem;background:var(--bg);padding:.5rem}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto;max-height:40vh;border-right:0;border-bottom:1px solid var(--line)}}
`
