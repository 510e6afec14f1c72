classes-new = Nova classe (M)
classes-empty = Sem classes
    .tip = Adicionar uma classe com +, premir P e desenhar no mapa.
classes-colour = Cor da classe
classes-colour-of = Cor de { $name }
classes-rename-to = Mudar nome da classe para { $name }
classes-tip = { $name }: { $count } píxeis etiquetados. Clique para pintar com ela, duplo clique para mudar o nome.
classes-rename = Mudar nome
classes-remove = Remover a classe e as suas etiquetas
classes-remove-step = Remover a classe { $name }
classes-style = Classes
    .tip = Uma cor por valor: as classes do ficheiro, ou cada valor encontrado nele
classes-show-step = Mostrar classes
classes-count = { $count ->
        [one] { $count } classe
       *[other] { $count } classes
    }
classes-own = Voltar às classes do ficheiro
classes-own-step = Classes do ficheiro
classes-hide-all = Ocultar todas as classes
classes-show-all = Mostrar todas as classes
classes-show = Mostrar { $name }
classes-hide = Ocultar { $name }
classes-rename-tip = { $name }: duplo clique para mudar o nome
