fn main() {
    let root = std::env::args().nth(1).unwrap();
    let mut out = vec![];
    fn walk(d: &std::path::Path, v: &mut Vec<std::path::PathBuf>) { for e in std::fs::read_dir(d).unwrap() { let e=e.unwrap(); let t=e.file_type().unwrap(); if t.is_dir() { walk(&e.path(), v) } else if t.is_file() { v.push(e.path()) } } }
    let mut v=vec![]; walk(std::path::Path::new(&root), &mut v); v.sort();
    for p in v { let rel=p.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(); if !tagpin::manifest::is_candidate(&rel) {continue}
        let b=fs_err::read(&p).unwrap(); let s=tagpin::manifest::scan(&rel,&b,&tagpin::manifest::catalogue::BUILT_IN);
        for u in &s.unread { eprintln!("{rel} {u:?}"); }
        for l in s.sites { let st = match l.site.state { tagpin::manifest::site::State::Floating=>"floating", tagpin::manifest::site::State::Pinned=>"pinned", _=>"skipped"};
            out.push(serde_json::json!({"file":rel,"byte_start":l.site.span.start+l.offset,"state":st,"image":l.site.image,"path":l.site.path,"format":l.site.format,"st":format!("{:?}",l.site.state)})); } }
    println!("{}", serde_json::json!({"references":out}));
}
