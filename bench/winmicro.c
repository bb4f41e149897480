// SPDX-License-Identifier: MIT
/* winmicro: micro-benchmarks of the Windows interface as one PE file; the same file runs under Wine on the peer and on Ambos.
 * A copy of ../shared/bench/winmicro.c: rows must stay comparable. */
#include <windows.h>
#include <stdio.h>
#include <winternl.h>
static double now(void){ LARGE_INTEGER c,f; QueryPerformanceCounter(&c); QueryPerformanceFrequency(&f); return (double)c.QuadPart*1e9/f.QuadPart; }
#define B(name,N,stmt) do{ double s=now(); for(int i=0;i<N;i++){ stmt; } double e=now(); printf("%-34s %9.0f ns\n",name,(e-s)/N);}while(0)
static HANDLE e1,e2; static DWORD WINAPI th(void*p){ for(;;){ WaitForSingleObject(e1,INFINITE); SetEvent(e2);} }
int main(int c,char**v){
 if(c>1) return 0;
 HANDLE ev=CreateEventA(0,TRUE,TRUE,0), mx=CreateMutexA(0,FALSE,0), h; char buf[256]; DWORD n; HKEY k;
 B("GetTickCount64",1000000,GetTickCount64());
 B("QueryPerformanceCounter",1000000,{LARGE_INTEGER x;QueryPerformanceCounter(&x);});
 B("SetEvent",50000,SetEvent(ev));
 B("WaitForSingleObject(signaled)",50000,WaitForSingleObject(ev,0));
 B("Mutex wait+release",30000,(WaitForSingleObject(mx,0),ReleaseMutex(mx)));
 B("CreateEvent+CloseHandle",20000,{h=CreateEventA(0,0,0,0);CloseHandle(h);});
 B("DuplicateHandle+Close",20000,{DuplicateHandle(GetCurrentProcess(),ev,GetCurrentProcess(),&h,0,0,2);CloseHandle(h);});
 B("VirtualAlloc+Free 64K",20000,{void*p=VirtualAlloc(0,65536,0x3000,4);VirtualFree(p,0,0x8000);});
 B("HeapAlloc+Free 64B",1000000,{void*p=HeapAlloc(GetProcessHeap(),0,64);HeapFree(GetProcessHeap(),0,p);});
 RegOpenKeyExA(HKEY_LOCAL_MACHINE,"Software\\Microsoft\\Windows NT\\CurrentVersion",0,KEY_READ,&k);
 B("RegQueryValueEx",20000,{n=256;RegQueryValueExA(k,"ProductName",0,0,(BYTE*)buf,&n);});
 GetTempPathA(200,buf); strcat(buf,"micro.tmp");
 h=CreateFileA(buf,GENERIC_READ|GENERIC_WRITE,0,0,CREATE_ALWAYS,0,0); WriteFile(h,buf,200,&n,0);
 B("ReadFile 1B (seek 0)",50000,{SetFilePointer(h,0,0,0);ReadFile(h,&n,1,&n,0);});
 B("WriteFile 1B",50000,{WriteFile(h,buf,1,&n,0);}); CloseHandle(h);
 B("CreateFile+Close existing",5000,{h=CreateFileA(buf,GENERIC_READ,3,0,OPEN_EXISTING,0,0);CloseHandle(h);});
 B("GetFileAttributes",20000,GetFileAttributesA(buf));
 B("CreateThread+join",2000,{h=CreateThread(0,0,(LPTHREAD_START_ROUTINE)GetTickCount,0,0,0);WaitForSingleObject(h,INFINITE);CloseHandle(h);});
 e1=CreateEventA(0,0,0,0);e2=CreateEventA(0,0,0,0);CreateThread(0,0,th,0,0,0);
 B("event ping-pong (2 threads) RTT",10000,{SetEvent(e1);WaitForSingleObject(e2,INFINITE);});
 HANDLE r,w; CreatePipe(&r,&w,0,0);
 B("pipe write+read 1B",20000,{WriteFile(w,buf,1,&n,0);ReadFile(r,buf+250,1,&n,0);});
 char me[300]; GetModuleFileNameA(0,me,300); char cl[400]; 
 B("CreateProcess(self)+wait",20,{ sprintf(cl,"\"%s\" x",me); STARTUPINFOA si={sizeof si}; PROCESS_INFORMATION pi; if(CreateProcessA(0,cl,0,0,TRUE,0,0,0,&si,&pi)){WaitForSingleObject(pi.hProcess,INFINITE);CloseHandle(pi.hProcess);CloseHandle(pi.hThread);} });
 return 0; }
