package main
import ("context";"flag";"os";"lesson/lesson";"lesson/lesson/render/ladder";"lesson/lesson/render/rendertest";"lesson/lesson/lang";"fmt";"lesson/capture";"lesson/capture/sockets";"lesson/lesson/lessons";"lesson/lesson/stage";"net/netip")
func main(){
 w:=flag.Int("w",80,"");zh:=flag.Bool("zh",false,"");c:=flag.Bool("c",false,"");p:=flag.Bool("p",false,"");q:=flag.Bool("q",false,"");v:=flag.Bool("v",false,"");t:=flag.Bool("t",false,"");a:=flag.Bool("a",false,"");md:=flag.Bool("md",false,"");live:=flag.Bool("live",false,"");once:=flag.Bool("once",false,"");v6:=flag.Bool("6",false,"");ex:=flag.Bool("ex",false,"")
 flag.Parse()
 o:=ladder.Options{Width:*w,Color:*c,Plain:*p,Quiet:*q,Verbose:*v,ASCII:*a}
 if *zh {o.Lang=lang.Chinese}
 for _,n:=range flag.Args(){ 
  if n=="states" { if *md {ladder.StatesMarkdown(os.Stdout,o.Lang)} else {ladder.States(os.Stdout,o)}; continue }
  if n=="list" { var es []ladder.Entry; for _,l:=range lessons.All(){ es=append(es,ladder.Entry{Name:l.Name,Title:l.Title,Teaches:l.Teaches,Refs:l.Refs})}; ladder.Catalogue(os.Stdout,o,es); continue }
  var l lesson.Teller=ladder.New(os.Stdout,o); if *t {l=ladder.NewTable(os.Stdout,o)}
  if *ex {
   f,err:=os.Open(n); if err!=nil {panic(err)}
   r,err:=capture.Open(f); if err!=nil {panic(err)}
   if err:=lesson.Explain(r,lesson.ExplainOptions{Name:n},l);err!=nil{fmt.Fprintln(os.Stderr,err)}
   continue
  }
  if *live {
   le,_:=lessons.Find(n); wire,err:=capture.Live("lo",2023); if err!=nil{panic(err)}
   d,err:=sockets.Open(); if err!=nil{panic(err)}
   err=stage.Play(context.Background(),le,stage.Options{Place:lesson.Host,Interface:"lo",IPv6:*v6,Port:2023,Message:"你好，世界！！！",Set:map[string]bool{"server-closes-at-once":*once&&n=="teardown"},Wire:wire,Ask:func(x,y netip.AddrPort)(lesson.Kernel,error){s,err:=d.Ask(x,y);return lesson.Kernel(s),err}},l)
   if err!=nil{fmt.Fprintln(os.Stderr,err)}
   continue
  }
  for _,e:=range rendertest.All()[n]{ if err:=l.Tell(e);err!=nil{fmt.Fprintln(os.Stderr,err);os.Exit(1)}}}
}
