import torch

# What src/kernels/tests/updates.rs expects: three updates by each rule, in float64.


def go(name, make, share=1.0):
    p=torch.nn.Parameter(torch.tensor([1.0,-2.0,0.5,3.0,-0.25],dtype=torch.float64))
    o=make([p])
    for k in range(3):
        p.grad=share*torch.tensor([0.1*(k+1),-0.3,2.0,-0.05*(k-1),1e-3],dtype=torch.float64)
        o.step()
    print(name,[float('%.9g'%v) for v in p.detach()])
go('adamw',lambda p:torch.optim.AdamW(p,lr=0.01,betas=(0.9,0.99),eps=1e-8,weight_decay=0.1))
go('adamw_half',lambda p:torch.optim.AdamW(p,lr=0.01,betas=(0.9,0.99),eps=1e-3,weight_decay=0.0),0.5)
go('sgd',lambda p:torch.optim.SGD(p,lr=0.1,weight_decay=0.1))
go('sgdm',lambda p:torch.optim.SGD(p,lr=0.1,momentum=0.9,weight_decay=0.1))
go('nesterov',lambda p:torch.optim.SGD(p,lr=0.1,momentum=0.9,nesterov=True,weight_decay=0.0))
go('rms',lambda p:torch.optim.RMSprop(p,lr=0.01,alpha=0.9,eps=1e-3,momentum=0.9,weight_decay=0.1))
go('rms0',lambda p:torch.optim.RMSprop(p,lr=0.01,alpha=0.9,eps=1e-3))
