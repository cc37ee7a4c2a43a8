"""How HTML reports look: in light and dark, on a phone and on paper."""

STYLE = """
:root{color-scheme:light dark;--bg:#f6f8fa;--card:#fff;--line:#d0d7de;--text:#1f2328;--soft:#57606a;--link:#0757b8;
--create:#116329;--delete:#b3121f;--scale:#6639ba;--roll:#0757b8;--update:#7d4e00;--route:#05606b;--mute:#57606a;
--was:#ffebe9;--will:#dafbe1;--wasx:#82071e;--willx:#0b4a20;--warn:#fff8c5;--warnl:#d4a72c;--chip:#eef1f4}
@media screen and (prefers-color-scheme:dark){:root{--bg:#0d1117;--card:#161b22;--line:#30363d;--text:#e6edf3;
--soft:#9da7b3;
--link:#79b8ff;--create:#56d364;--delete:#ff8e87;--scale:#c9a6ff;--roll:#79b8ff;--update:#e8b04a;--route:#56d4dd;
--mute:#9da7b3;--was:#3c1618;--will:#12321d;--wasx:#ffc1bc;--willx:#a6f0b8;--warn:#272115;--warnl:#9e7a1f;
--chip:#222933}}
*{box-sizing:border-box}
body{margin:0 auto;padding:28px 20px 40px;max-width:1120px;background:var(--bg);color:var(--text);
font:15px/1.5 -apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif;overflow-wrap:anywhere}
code,pre,.id,.number,.place,.by{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
code{font-size:.92em;unicode-bidi:isolate}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.off{position:absolute}
.i{width:1em;height:1em;vertical-align:-.12em}
.i,symbol,use{fill:none;stroke:currentColor;stroke-width:1.9;stroke-linecap:round;stroke-linejoin:round}
h1,h2,h3,h4{margin:0;line-height:1.25}
h1{font-size:30px;letter-spacing:-.01em}
h1 code{font-size:1em}
h2{font-size:19px;margin:34px 0 10px}
h3{font-size:16px}
h4{font-size:15px;font-weight:600}
p{margin:6px 0}
.kind{margin:0 0 2px;color:var(--soft);font-size:13px;font-weight:600;letter-spacing:.06em;text-transform:uppercase}
.lede{color:var(--soft);font-size:16px}
.hint,.after,.place,.by{color:var(--soft);font-size:13px}
.tiles{display:flex;flex-wrap:wrap;gap:10px;margin:18px 0 0;padding:0;list-style:none}
.tile{display:flex;align-items:center;gap:8px;padding:9px 16px 9px 12px;background:var(--card);
border:1px solid var(--line);
border-left:5px solid var(--k);border-radius:8px;color:var(--k)}
.tile b{font-size:24px;line-height:1;color:var(--text)}
.tile span{color:var(--text)}
.tile .i{width:20px;height:20px}
.k-create,.k-succeeded{--k:var(--create)}
.k-delete,.k-failed,.k-missing{--k:var(--delete)}
.k-scale,.k-unmanaged{--k:var(--scale)}
.k-roll_out{--k:var(--roll)}
.k-update,.k-unknown,.k-changed{--k:var(--update)}
.k-route,.k-label{--k:var(--route)}
.k-skipped,.k-not_begun,.k-expected{--k:var(--mute)}
.pill{display:inline-flex;align-items:center;gap:5px;padding:1px 9px 1px 7px;border:1px solid currentColor;
border-radius:99px;
color:var(--k);font-size:13px;font-weight:600;white-space:nowrap}
.card{margin:10px 0;padding:12px 16px;background:var(--card);border:1px solid var(--line);border-radius:8px}
.note{margin:22px 0 0;padding:12px 16px;border:1px solid var(--warnl);border-radius:8px;background:var(--warn)}
.note.bad{border-color:var(--delete);background:var(--was)}
.note.drift{border-color:var(--line);background:transparent}
.note h2{margin:0 0 6px;font-size:16px}
.note ul{margin:6px 0;padding-left:20px}
.note .place{display:inline-block}
.shift{display:grid;grid-template-columns:minmax(0,1fr) minmax(220px,27%);gap:4px 28px;align-items:start;margin:10px 0}
.shift figcaption{grid-column:1/-1}
.side{display:grid;grid-template-columns:minmax(64px,auto) minmax(0,1fr);gap:12px;align-items:center;margin:6px 0}
.bars{display:grid}
.when{width:74px;color:var(--soft);font-size:13px;text-align:right}
.bar{display:flex;height:30px;border-radius:5px;overflow:hidden;background:var(--chip)}
.few{padding:0;font-size:12px;text-align:center;text-overflow:clip}
.thin .bar{height:18px}
.seg{flex:none;padding:0 8px;overflow:hidden;color:#fff;font-size:13px;font-weight:600;line-height:30px;
white-space:nowrap;
text-overflow:ellipsis;border-right:2px solid var(--card)}
.seg:last-child{border-right:0}
.thin .seg{font-size:12px;line-height:18px}
.nil{padding:0 10px;color:var(--soft);font-size:13px;line-height:30px}
.thin .nil{line-height:18px}
.s-blue{background:#0b5fc4}.s-green{background:#1a7f37}.s-others{background:#59636e}
.s-0{background:#7a3fc4}.s-1{background:#a04a00}.s-2{background:#0b6e7d}.s-3{background:#b0256b}.s-4{
background:#5c5f00}
.s-5{background:#4a52c8}
.swatch{display:inline-block;width:11px;height:11px;margin-right:7px;border-radius:3px}
table{border-collapse:collapse;font-size:14px}
th,td{padding:5px 14px 5px 0;text-align:left;vertical-align:top;font-weight:400}
thead th{color:var(--soft);font-size:12px;font-weight:600}
.shares{width:100%}
.shares td,.shares th+th{text-align:right}
.shares th,.shares td{padding:2px 0 2px 18px}
.shares th:first-child{padding-left:0}
.fields{width:100%;margin-top:8px;table-layout:fixed}
.fields thead th:first-child{width:42%}
.fields tbody tr{border-top:1px solid var(--line)}
.fields .place,.fields .by{font-size:12px}
.fields .place,.fields .by{display:inline-block;margin-right:10px}
.path{display:block}
.path{font-weight:600}
.was,.will,.plain,.odd{padding:1px 6px;border-radius:4px}
.was{background:var(--was);color:var(--wasx)}
.will{background:var(--will);color:var(--willx)}
.plain{background:var(--chip)}
.odd{background:var(--warn);color:var(--update);font-weight:600}
.none{font-style:italic}
.long>code{display:block;margin-top:6px;padding:8px;border-radius:6px;background:var(--chip)}
.scroll{overflow-x:auto;padding-bottom:6px}
.graph{display:block;font:13px -apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
.graph text{fill:var(--text)}
.graph .wave,.graph .number,.graph .why{fill:var(--soft);font-size:12px}
.graph .number{text-anchor:end}
.graph .lane{font-weight:600}
.graph .does{font-weight:600;fill:var(--k)}
.graph .band{fill:var(--card);stroke:var(--line)}
.graph .row{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.graph .line{fill:none;stroke:var(--soft);stroke-width:1.4}
.graph .tip{fill:var(--soft)}
.graph use{color:var(--k)}
.node rect{fill:var(--bg);stroke:var(--k);stroke-width:1.3}
.node .edge{fill:var(--k)}
.node.k-delete rect,.node.k-failed rect{stroke-width:2.2}
.node.k-skipped rect,.node.k-not_begun rect,.node.k-unknown rect{stroke-dasharray:5 3}
.node:focus-visible,.group:focus-visible{outline:none}
.node:hover rect,.node:focus-visible rect,.group:focus-visible rect,.group:hover rect{stroke:var(--link);
stroke-width:2.5}
.graph .k-failed .why,.graph .k-succeeded .why,.graph .k-unknown .why{fill:var(--k);font-weight:600}
details.lane{margin:10px 0}
summary{cursor:pointer}
.lane>summary h3{display:inline-block;margin-right:10px}
.step h4,.drifted h3{display:flex;flex-wrap:wrap;gap:6px 10px;align-items:center}
.id{color:var(--soft)}
.step:target,.lane:target>summary{outline:2px solid var(--link);outline-offset:2px}
.ended{margin:8px 0}
.message{margin:8px 0}
.note h3{display:flex;flex-wrap:wrap;gap:6px 10px;align-items:center;margin:10px 0 4px}
.note pre{background:var(--card)}
pre{margin:6px 0;padding:10px 12px;border-radius:6px;background:var(--chip);font-size:12.5px;line-height:1.45;
white-space:pre-wrap}
.pairs th,.pairs td{padding:4px 24px 4px 0}
footer{margin-top:40px;padding-top:14px;border-top:1px solid var(--line);color:var(--soft);font-size:13px}
dl{display:grid;gap:4px;margin:0}
dl div{display:grid;grid-template-columns:130px minmax(0,1fr)}
dd{margin:0}
@media (max-width:640px){body{padding:18px 12px 32px}h1{font-size:24px}.shift{grid-template-columns:minmax(0,1fr)}
.card{padding:10px 12px}.tile{padding:7px 12px 7px 9px}.tile b{font-size:20px}th,td{padding-right:8px}
dl div{display:block}.fields,.fields thead,.fields tbody{display:block}
.fields tr{display:grid;grid-template-columns:repeat(2,minmax(0,1fr))}.fields.n1 tr{grid-template-columns:minmax(0,1fr)}
.fields tbody th,.fields thead th:first-child{grid-column:1/-1}.fields thead th:first-child{display:none}}
@media print{body{max-width:none;background:#fff}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.card,.note,.shift{break-inside:avoid}.scroll{overflow:visible}.graph{max-width:100%;height:auto}
details::details-content{content-visibility:visible;block-size:auto}}
"""
