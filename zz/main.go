package main
import ("flag";"os";"lesson/lesson";"lesson/lesson/render/ladder";"lesson/lesson/render/rendertest";"lesson/lesson/lang";"fmt")
func main(){
 w:=flag.Int("w",80,"");zh:=flag.Bool("zh",false,"");c:=flag.Bool("c",false,"");p:=flag.Bool("p",false,"");q:=flag.Bool("q",false,"");v:=flag.Bool("v",false,"");t:=flag.Bool("t",false,"");a:=flag.Bool("a",false,"");md:=flag.Bool("md",false,"")
 flag.Parse()
 o:=ladder.Options{Width:*w,Color:*c,Plain:*p,Quiet:*q,Verbose:*v,ASCII:*a}
 if *zh {o.Lang=lang.Chinese}
 for _,n:=range flag.Args(){ 
  if n=="states" { if *md {ladder.StatesMarkdown(os.Stdout,o.Lang)} else {ladder.States(os.Stdout,o)}; continue }
  if n=="list" { ladder.Catalogue(os.Stdout,o,[]ladder.Entry{{Name:"handshake",Title:lang.Text{EN:"The three-way handshake",ZH:"三次握手"},Teaches:lang.Text{EN:"three segments open a connection; who waits in which call, and when each end is ESTABLISHED",ZH:"三个报文段建立一个连接；谁阻塞在哪个调用里，两端各在何时进入 ESTABLISHED"},Refs:"RFC 9293 §3.5"},{Name:"teardown",Title:lang.Text{EN:"The four-way close",ZH:"四次挥手"},Teaches:lang.Text{EN:"each direction is closed by its own FIN",ZH:"两个方向各自用 FIN 关闭"},Refs:"RFC 9293 §3.6"}}); continue }
  var l lesson.Teller=ladder.New(os.Stdout,o); if *t {l=ladder.NewTable(os.Stdout,o)}
  for _,e:=range rendertest.All()[n]{ if err:=l.Tell(e);err!=nil{fmt.Fprintln(os.Stderr,err);os.Exit(1)}}}
}
